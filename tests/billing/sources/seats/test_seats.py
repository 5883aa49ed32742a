"""Seats: a purchase, exact days, joins and leaves, invoices, and every way of being wrong."""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from django.db.models import Sum
from hypothesis import given
from hypothesis import strategies as st

from billing.models import Charge
from billing.services.plans import PlanDraft, create_plan, end_plan
from billing.sources.lines import BadValueError
from billing.sources.seats.proration import spread, whole_periods
from portal.choices import Role, RunStatus
from portal.models import Connection, ImportRun, RejectedRow
from portal.shell.money import from_nano
from tests.billing.engine import bring, connect, gzipped, stored
from tests.billing.services.charges import assert_books_balance
from tests.billing.sweeps import sweep_both_engines
from tests.imports import START, counts, make_person
from tests.plugins.sweeping import sampled

pytestmark = pytest.mark.django_db
PDF = b"%PDF-1.7 invoice"
BASE = {
    "subscription": "team-chat",
    "provider": "Anthropic",
    "service": "Claude Team",
    "plan": "team-standard",
    "seats": "7",
    "period_start": "2026-05-01",
    "period_end": "2026-06-01",
    "invoice_date": "2026-05-02",
    "currency": "USD",
    "price_per_seat": "29.99",
    "amount": "",
    "assigned_seats": "",
    "held_from": "",
    "held_until": "",
    "proration": "",
    "invoice_id": "",
    "document": "",
    "cost_center": "CC-7",
    "team": "support",
    "use_case": "answer-drafts",
}


def sheet(*changes: Mapping[str, str]) -> dict[str, bytes]:
    """A file of rows, each with some cells changed."""
    out = io.StringIO()
    writer = csv.DictWriter(out, list(BASE), lineterminator="\n")
    writer.writeheader()
    writer.writerows({**BASE, **change} for change in changes)
    return {"seats.csv": out.getvalue().encode()}


def live(**filters: Any) -> Any:
    return Charge.objects.filter(superseded_at__isnull=True, **filters)


def total(name: str, **filters: Any) -> Decimal:
    return from_nano(live(**filters).aggregate(sum=Sum(name))["sum"] or 0)


def make_plan(price: str = "20", start: date = date(2026, 1, 1), **fields: Any) -> Any:
    values: dict[str, Any] = {
        "provider": "Anthropic", "key": "team-standard", "name": "Team", "valid_from": start,
        "valid_until": None, "currency": "USD", "seat_price": Decimal(price),
        "seat_period": "month", "included_credits": None, "overage_price": None,
        "source": "Order form 12",
    }  # fmt: skip
    actor = make_person(f"finance-{price}-{start}", Role.FINANCE)
    return create_plan(draft=PlanDraft(**values | fields), actor=actor, at=START)


def refused_code(connection: Connection, files: Mapping[str, bytes]) -> str:
    run = bring(connection, files)
    assert run.status == RunStatus.REFUSED
    assert not Charge.objects.exists()
    return run.problem


# --- what is stored --------------------------------------------------------------------------


@pytest.mark.both_engines
def test_a_month_of_seats_is_billed_once_and_effective_by_day_to_the_nano_unit() -> None:
    assert counts(bring(connect("seats"), sheet({}))) == {"read": 32, "inserted": 32}
    (purchase,) = live(dimension__charge_category="Purchase")
    assert (purchase.day, purchase.billed_nano) == (date(2026, 5, 2), 209_930_000_000)
    assert purchase.effective_nano == 0
    days = live(dimension__charge_category="Usage").order_by("day")
    assert [charge.day.day for charge in days] == list(range(1, 32))
    assert {charge.billed_nano for charge in days} == {0}
    assert total("effective_nano") == total("billed_nano") == Decimal("209.93")
    amounts = [charge.effective_nano for charge in days]
    assert max(amounts) - min(amounts) == 1
    assert sorted(amounts, reverse=True) == amounts
    assert {charge.cost_basis for charge in live()} == {"derived"}
    dimension = days[0].dimension
    assert (dimension.cost_center, dimension.tags) == (
        "CC-7",
        '{"team":"support","use_case":"answer-drafts"}',
    )
    assert_books_balance()


@given(st.integers(-(10**18), 10**18), st.integers(1, 400))
def test_days_sum_to_the_price_and_differ_by_one_nano_unit_at_most(whole: int, parts: int) -> None:
    days = spread(whole, parts)
    assert sum(days) == whole
    assert max(days) - min(days) <= 1


@sweep_both_engines
def test_who_joins_and_who_leaves_pay_the_period_between_them() -> None:
    change = {"seats": "1", "price_per_seat": "100"}
    bring(
        connect("seats"),
        sheet(
            {**change, "held_until": "2026-05-11", "team": "support"},
            {**change, "held_from": "2026-05-11", "team": "sales"},
        ),
    )
    assert total("billed_nano") == total("effective_nano") == Decimal(100)
    # 10 of 31 days, each with its part of the whole period: 100 / 31, the first days one nano more
    left = total("effective_nano", dimension__tags__contains="support")
    assert left == from_nano(sum(spread(100 * 10**9, 31)[:10])) == Decimal("32.258064520")


def test_without_proration_the_whole_price_falls_on_the_days_held() -> None:
    bring(connect("seats"), sheet({"held_from": "2026-05-30", "proration": "none"}))
    assert total("billed_nano") == Decimal("209.93")
    days = live(dimension__charge_category="Usage")
    assert [each.effective_nano for each in days] == [104_965_000_000] * 2


def test_unused_seats_are_a_line_of_their_own_without_a_use_case() -> None:
    bring(connect("seats"), sheet({"seats": "10", "assigned_seats": "7", "price_per_seat": "31"}))
    used = live(dimension__commitment_discount_status="Used")
    unused = live(dimension__commitment_discount_status="Unused")
    assert {each.effective_nano for each in used} == {7_000_000_000}
    assert {each.effective_nano for each in unused} == {3_000_000_000}
    assert {each.dimension.tags for each in unused} == {'{"team":"support"}'}
    assert total("effective_nano") == total("billed_nano") == Decimal(310)


@sweep_both_engines
def test_the_price_comes_from_the_plan_of_the_first_day_and_a_new_price_restates() -> None:
    plan = make_plan("20")
    seats, files = connect("seats"), sheet({"price_per_seat": "", "currency": ""})
    bring(seats, files)
    assert total("billed_nano") == Decimal(140)
    end_plan(
        plan_id=plan.pk, valid_until=date(2026, 5, 1), reason="new", actor=plan.created_by, at=START
    )
    make_plan("25.5", date(2026, 5, 1))
    assert bring(seats, files).updated == 32
    assert total("billed_nano") == total("effective_nano") == Decimal("178.5")
    assert_books_balance()


def test_a_year_of_a_monthly_plan_is_twelve_prices_over_365_days() -> None:
    make_plan("20")
    changes = {"period_start": "2026-02-01", "period_end": "2027-02-01", "price_per_seat": ""}
    assert counts(bring(connect("seats"), sheet(changes))) == {"read": 366, "inserted": 366}
    assert total("billed_nano") == total("effective_nano") == Decimal(7 * 20 * 12)


@sweep_both_engines
def test_an_invoiced_amount_is_taken_as_it_is_with_its_document() -> None:
    seats = connect("seats", cost_basis="invoiced")
    stated = {"amount": "205.17", "invoice_id": "INV-1", "document": "may.pdf"}
    run = bring(seats, {**sheet(stated), "may.pdf": PDF})
    assert run.status == RunStatus.APPLIED
    assert total("billed_nano") == total("effective_nano") == Decimal("205.17")
    (purchase,) = live(dimension__charge_category="Purchase")
    digest = hashlib.sha256(PDF).hexdigest()
    assert digest in purchase.dimension.extra
    assert run.files.get(name="may.pdf").sha256 == digest
    assert {each.cost_basis for each in live()} == {"invoiced"}
    assert {each.dimension.invoice_id for each in live()} == {"INV-1"}
    # Later, without the file but by its hash: the same money.
    again = bring(seats, sheet({**stated, "document": f"sha256:{digest}"}))
    assert (again.unchanged, total("billed_nano")) == (31, Decimal("205.17"))


# --- the same again, and corrections ---------------------------------------------------------

ROWS: list[dict[str, str]] = [
    {},
    {"team": "sales", "seats": "3"},
    {"subscription": "editor", "price_per_seat": "19.37", "period_end": "2026-07-01"},
]


@pytest.mark.both_engines
@pytest.mark.parametrize("how", sampled(["twice", "shuffled", "split", "gzip", "bom"], "split"))
def test_the_same_rows_again_change_nothing(how: str) -> None:
    seats, files = connect("seats"), sheet(*ROWS)
    bring(seats, files)
    before = stored()
    again: Mapping[str, bytes] = {
        "twice": files,
        "shuffled": sheet(*reversed(ROWS)),
        "split": {f"{n}.csv": sheet(row)["seats.csv"] for n, row in enumerate(ROWS)},
        "gzip": gzipped(files),
        "bom": {"seats.csv": b"\xef\xbb\xbf" + files["seats.csv"]},
    }[how]
    run = bring(seats, again)
    assert counts(run) == {"read": 126, "unchanged": 126}
    assert stored() == before
    assert_books_balance()


@sweep_both_engines
def test_a_corrected_row_replaces_its_period_even_days_it_no_longer_names() -> None:
    seats = connect("seats")
    # Invoiced in April by mistake, for all of May.
    bring(seats, sheet({"invoice_date": "2026-04-28"}, {"subscription": "editor"}))
    assert total("billed_nano") == Decimal("419.86")
    run = bring(seats, sheet({"invoice_date": "2026-05-02", "held_until": "2026-05-11"}))
    assert run.status == RunStatus.APPLIED
    editor = total("billed_nano", dimension__resource_id="editor")
    assert editor == Decimal("209.93")  # another subscription is left alone
    kept = total("billed_nano", dimension__resource_id="team-chat")
    assert kept == from_nano(sum(spread(209_930_000_000, 31)[:10]))
    assert not live(day__lt=date(2026, 5, 1)).exists()
    assert live(dimension__resource_id="team-chat", day__gte=date(2026, 5, 11)).count() == 0
    assert_books_balance()


@sweep_both_engines
@pytest.mark.parametrize("also", [{}, {"amount": "100"}], ids=["price", "amount"])
def test_no_seats_withdraw_a_period(also: dict[str, str]) -> None:
    seats = connect("seats")
    bring(seats, sheet({}))
    bring(seats, sheet({"seats": "0"} | also))
    assert total("billed_nano") == total("effective_nano") == 0
    assert_books_balance()


@sweep_both_engines
def test_a_large_correction_waits_for_a_person() -> None:
    seats = connect("seats", hold_jump_percent=50, hold_jump_floor=100)
    bring(seats, sheet({}))
    assert bring(seats, sheet({"seats": "70"})).status == RunStatus.HELD


# --- what is wrong has a name ----------------------------------------------------------------


WRONG: list[tuple[dict[str, str], str]] = [
    ({"plan": ""}, "missing_value"),
    ({"seats": "-1"}, "bad_count"),
    ({"seats": "2.5"}, "bad_count"),
    ({"period_end": "2026-05-01"}, "bad_period"),
    ({"period_end": "2036-05-01"}, "period_too_long"),
    ({"period_start": "1026-05-01", "period_end": "1026-06-01"}, "bad_date"),
    ({"invoice_date": "May"}, "bad_date"),
    ({"held_from": "2026-04-01"}, "outside_period"),
    ({"assigned_seats": "8"}, "more_than_bought"),
    ({"proration": "weekly"}, "bad_proration"),
    ({"currency": "dollars"}, "bad_currency"),
    ({"currency": ""}, "missing_value"),
    ({"price_per_seat": "20,00"}, "bad_amount"),
    ({"price_per_seat": "-1"}, "negative_price"),
    ({"price_per_seat": "9999999999"}, "amount_out_of_range"),
    ({"price_per_seat": ""}, "no_price"),
    ({"document": "may.pdf"}, "document_missing"),
    ({"subscription": "s" * 201}, "too_long"),
]


def test_wrong_rows_are_named_and_nothing_is_charged() -> None:
    run = bring(connect("seats"), sheet({}, *(change for change, _ in WRONG)))
    assert run.status == RunStatus.REFUSED
    rows = RejectedRow.objects.order_by("line")
    assert [row.code for row in rows] == [code for _, code in WRONG]
    assert [row.line for row in rows] == list(range(3, 3 + len(WRONG)))
    assert {row.field for row in rows} <= BASE.keys()
    assert not Charge.objects.exists()


def test_a_row_without_money_trouble_waits_while_the_others_are_taken() -> None:
    run = bring(connect("seats"), sheet({}, {"subscription": "x", "held_from": "2027-01-01"}))
    assert (run.status, run.rejected, run.inserted) == (RunStatus.APPLIED, 1, 32)


def test_plans_that_contradict_or_do_not_fit_are_named() -> None:
    make_plan()
    seats = connect("seats")
    euro = {"price_per_seat": "", "currency": "EUR"}
    assert "currency_contradicts" in _codes(bring(seats, sheet(euro)))
    odd = {"price_per_seat": "", "period_end": "2026-06-15"}
    assert "period_not_whole" in _codes(bring(seats, sheet(odd)))


def _codes(run: ImportRun) -> set[str]:
    assert run.status == RunStatus.REFUSED
    return set(RejectedRow.objects.values_list("code", flat=True))


@pytest.mark.parametrize("change", [{"amount": "5"}, {"invoice_id": "INV-1"}])
def test_invoiced_seats_need_amount_and_number_of_the_invoice(change: dict[str, str]) -> None:
    run = bring(connect("seats", cost_basis="invoiced"), sheet(change))
    assert _codes(run) == {"needs_invoice"}


def test_files_that_are_not_ours_are_refused_with_the_reason() -> None:
    seats, good = connect("seats"), sheet({})["seats.csv"]
    header, row = good.splitlines()
    cases = {
        "missing_columns": {"a.csv": good.replace(b"subscription", b"account")},
        "unknown_column": {"a.csv": header + b",email\n" + row + b",ana@acme.example\n"},
        "duplicate_column": {"a.csv": header + b",team\n" + row + b",x\n"},
        "too_few_cells": {"a.csv": header + b"\na,b\n"},
        "bad_quoting": {"a.csv": header + b'\n"a,b\n'},
        "not_utf8": {"a.csv": b"\xff\xfe" + good},
        "no_rows": {"a.csv": b""},
        "no_sheet": {"a.pdf": PDF},
        "two_currencies": sheet({}, {"currency": "EUR"}),
        "damaged_gzip": {"a.gz": gzipped({"a": good})["a.gz"][:-12]},
    }
    for code, files in cases.items():
        assert f"[{code}]" in refused_code(seats, files)
    packed = gzipped({"a": good})["a.gz"]
    bent = {"a.gz": packed[:12] + bytes(byte ^ 0xFF for byte in packed[12:])}
    assert "[damaged_gzip]" in refused_code(seats, bent)


def test_periods_are_counted_in_months_of_the_calendar() -> None:
    assert whole_periods(date(2026, 1, 31), date(2026, 2, 28), 1) == 1
    assert whole_periods(date(2026, 1, 1), date(2027, 1, 1), 1) == 12
    assert whole_periods(date(2026, 1, 1), date(2028, 1, 1), 12) == 2
    with pytest.raises(BadValueError):
        whole_periods(date(2026, 1, 1), date(2026, 1, 31), 1)
