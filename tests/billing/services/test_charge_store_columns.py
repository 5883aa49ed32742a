"""Charges that come by column are stored as those that come one by one: same rows, slices, sums."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from django.db import transaction

from billing.models import Charge, ChargeSlice
from billing.services.charge_store import ChargeStore
from portal.choices import RunStatus
from portal.models import ImportRun
from tests.billing.services.charges import assert_books_balance
from tests.billing.sources.focus.focus_files import csv_bytes, make_chunks_small, read_by_row_only
from tests.billing.sweeps import sweep_both_engines
from tests.imports import counts, line, make_connection, run_import

pytestmark = pytest.mark.django_db

COSTS = ("1.50", "0.0000000005", "-3", "0.1", "1234567.1234567895", "0.00", "2.5e-7", "12.34")
ROWS = 160


def make_rows() -> list[dict[str, str]]:
    """Lines of two accounts and seven days, some alike in everything."""
    return [
        line(
            1 + n % 7,
            COSTS[n % len(COSTS)],
            EffectiveCost=("", "1.25", "0.3")[n % 3],
            ListCost="" if n % 5 else "2.00",
            BillingAccountId=("0042", "0043")[n % 2],
            ResourceId=f"model-{n % 4}",
            PricingQuantity=("100", "", "1.0")[n % 3],
            ListUnitPrice=("0.02", "0.020", "7")[n % 3],
        )
        for n in range(ROWS)
    ]


@pytest.fixture
def staged(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many rows each batch by column had; small files have such batches too."""
    make_chunks_small(monkeypatch)
    seen: list[int] = []
    stage = ChargeStore._stage_columns

    def stage_and_count(self: ChargeStore, columns: Any) -> None:
        seen.append(len(columns))
        stage(self, columns)

    monkeypatch.setattr(ChargeStore, "_stage_columns", stage_and_count)
    return seen


def stored(run: ImportRun) -> tuple[list[Any], list[Any], list[Any]]:
    """What the run wrote, but for what only says when and under which number."""
    charges = Charge.objects.filter(run=run).order_by("pk")
    names = [
        *("line", "identity", "content", "day", "charge_period_start", "charge_period_end"),
        *("currency", "billed_nano", "effective_nano", "list_nano", "contracted_nano"),
        *("pricing_quantity", "consumed_quantity", "dimension__digest", "cost_basis"),
    ]
    slices = ChargeSlice.objects.filter(connection=run.connection).order_by("pk")
    parts = ("billing_account_id", "billing_period_start", "day", "currency", "rows", "digest")
    return (
        list(charges.values_list(*names)),
        list(slices.values_list(*parts, "billed_nano", "effective_nano")),
        [run.totals_in, run.totals_stored, run.totals_residue, counts(run)],
    )


@pytest.mark.both_engines
def test_the_same_rows_slices_and_sums_are_stored(
    staged: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    data = csv_bytes(make_rows())
    with transaction.atomic(), monkeypatch.context() as patch:
        read_by_row_only(patch)
        row_by_row = stored(run_import(make_connection(), data))
        transaction.set_rollback(True)
    assert not staged
    by_column = run_import(make_connection(), data)
    assert by_column.status == RunStatus.APPLIED
    assert sum(staged) > ROWS / 2
    assert stored(by_column) == row_by_row
    assert_books_balance()


@sweep_both_engines
def test_a_window_takes_only_its_days_of_charges_by_column(staged: list[int]) -> None:
    window = date(2026, 5, 2), date(2026, 5, 4)
    run = run_import(make_connection(), csv_bytes(make_rows()), window=window)
    assert {day for (day,) in Charge.objects.filter(run=run).values_list("day")} == {
        date(2026, 5, 2),
        date(2026, 5, 3),
    }
    assert_books_balance()


@sweep_both_engines
def test_what_was_stored_row_by_row_is_recognised_by_column(
    staged: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        read_by_row_only(patch)
        by_row = run_import(make_connection(), csv_bytes(make_rows()))
    assert not staged
    told = stored(by_row)
    again = run_import(by_row.connection, csv_bytes(make_rows()) + b"\n")
    assert sum(staged) > ROWS / 2
    assert counts(again) == {"read": ROWS, "unchanged": ROWS}
    assert [again.totals_in, again.totals_stored, again.totals_residue] == told[2][:3]
    # One amount moved: one row of one slice.
    rows = make_rows()
    rows[100]["BilledCost"] = "7.77"
    moved = run_import(by_row.connection, rows)
    assert counts(moved) == {"read": ROWS, "updated": 1, "unchanged": ROWS - 1}
    assert_books_balance()


def huge(cost: str, account: str = "0042", **changes: str) -> list[dict[str, str]]:
    """A line of a day, and others of it that cost next to nothing."""
    rows = [line(3, cost, BillingAccountId=account, ResourceId="huge", **changes)]
    return rows + [line(3, "0.1", BillingAccountId=account, ResourceId=f"r{n}") for n in range(40)]


@pytest.mark.both_engines
@pytest.mark.parametrize("by_column", [True, False])
@pytest.mark.parametrize(
    ("batches", "column"),
    [
        ([huge("5000000000") + huge("5000000000", EffectiveCost="1")], "BilledCost"),
        ([huge("-5000000000") + huge("-5000000000")], "BilledCost"),
        ([huge("1", EffectiveCost="5000000000") * 2], "EffectiveCost"),
        ([huge("5000000000") + huge("5000000000", "0043")], "BilledCost"),
        ([huge("5000000000"), huge("5000000000", "0043")], "BilledCost"),
        ([huge("5000000000") + huge("-5000000000") + huge("4000000000", "0043")], ""),
    ],
)
def test_a_day_that_no_sum_can_hold_is_refused_with_its_day_account_and_amount(
    staged: list[int],
    monkeypatch: pytest.MonkeyPatch,
    batches: list[list[dict[str, str]]],
    column: str,
    *,
    by_column: bool,
) -> None:
    if not by_column:
        read_by_row_only(monkeypatch)
    cloud = make_connection()
    runs = [run_import(cloud, csv_bytes(rows)) for rows in batches]
    assert bool(staged) == by_column
    assert [run.status for run in runs[:-1]] == [RunStatus.APPLIED] * (len(runs) - 1)
    if not column:
        assert runs[-1].status == RunStatus.APPLIED
        return
    assert runs[-1].status == RunStatus.REFUSED
    for said in (column, "2026-05-03", "at most 9223372036.854775807 USD", "0042"[:3], "10000000"):
        assert said in runs[-1].problem
    assert Charge.objects.count() == sum(len(rows) for rows in batches[:-1])
