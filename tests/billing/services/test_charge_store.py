"""Importing cost lines twice, differently, in part and again: what is stored stays true.

The table of the identity rules, on rows of our own and on the public sample.
"""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from billing.models import Charge, ChargeDimension, ChargeSlice, Restatement
from portal.choices import RunStatus
from portal.imports.runner import execute_run
from portal.models import ImportRun, RejectedRow
from portal.services.imports import repair_row, replay_run
from tests.billing.services.charges import (
    assert_books_balance,
    billed,
    fingerprint,
    live,
    otherwise_packed,
)
from tests.billing.sources.focus.focus_files import csv_bytes
from tests.billing.sweeps import sweep_both_engines
from tests.imports import (
    START,
    Clock,
    counts,
    line,
    make_connection,
    make_person,
    request,
    run_import,
)
from tests.plugins.sweeping import sampled

pytestmark = pytest.mark.django_db
PACKINGS = ["twice", "gzip", "crlf", "bom", "shuffled", "parquet"]


def month() -> list[dict[str, str]]:
    """Twelve rows of four days, two of them alike in everything."""
    rows = [
        line(day, f"{day}.{number:09}", ServiceName=f"Service {number}")
        for day in range(1, 5)
        for number in range(3)
    ]
    return [*rows[:-1], rows[0]]


# --- the same again -------------------------------------------------------------------------


@pytest.mark.both_engines
@pytest.mark.parametrize("how", sampled(PACKINGS, "shuffled"))
def test_the_same_rows_again_change_nothing(how: str, tmp_path: Path) -> None:
    cloud, content = make_connection(), csv_bytes(month())
    assert counts(run_import(cloud, content)) == {"read": 12, "inserted": 12}
    before, held = fingerprint(), live()
    again = content if how == "twice" else otherwise_packed(content, how, tmp_path)
    run = run_import(cloud, again)
    assert run.status == RunStatus.APPLIED
    assert counts(run) == {"read": 12, "unchanged": 12}
    assert (fingerprint(), live()) == (before, held)
    assert run.totals_in == ImportRun.objects.earliest("pk").totals_in
    assert_books_balance()


@pytest.mark.parametrize("how", sampled(PACKINGS, "twice"))
def test_the_public_sample_again_changes_nothing(
    how: str, tmp_path: Path, shared_data: Path
) -> None:
    cloud = make_connection()
    content = (shared_data / "focus" / "focus_sample.csv").read_bytes()
    first = run_import(cloud, content)
    assert counts(first) == {"read": 1000, "inserted": 1000}
    assert first.totals_in["USD"] == {
        "billed": "20.52022672899",
        "effective": "14.97651418586",
    }
    assert billed() + Decimal(first.totals_residue["USD"]["billed"]) == Decimal("20.52022672899")
    before = fingerprint()
    again = content if how == "twice" else otherwise_packed(content, how, tmp_path)
    assert counts(run_import(cloud, again)) == {"read": 1000, "unchanged": 1000}
    assert fingerprint() == before
    assert_books_balance()


@sweep_both_engines
def test_the_same_file_in_two_parts_is_the_same(tmp_path: Path) -> None:
    cloud, rows = make_connection(), month()
    run_import(cloud, rows)
    before = fingerprint()
    for parts in ((rows[:5], rows[5:]), (rows[5:], rows[:5]), tuple([row] for row in rows)):
        assert counts(run_import(cloud, *parts)) == {"read": 12, "unchanged": 12}
    assert fingerprint() == before


def test_two_rows_alike_in_everything_are_two_rows() -> None:
    cloud = make_connection()
    run_import(cloud, [line(), line()])
    assert billed() == Decimal(3)
    assert counts(run_import(cloud, [line(), line(), line()])) == {
        "read": 3,
        "inserted": 1,
        "unchanged": 2,
    }
    assert counts(run_import(cloud, [line()])) == {"read": 1, "unchanged": 1, "superseded": 2}
    assert billed() == Decimal("1.50")
    assert_books_balance()


# --- what changed ---------------------------------------------------------------------------


@pytest.mark.both_engines
def test_one_changed_amount_is_one_update_and_one_restatement() -> None:
    cloud, rows = make_connection(), month()
    clock = Clock()
    run_import(cloud, rows, clock=clock)
    before, seen_at = live(), clock.now
    rows[4] = rows[4] | {"BilledCost": "77", "EffectiveCost": "66"}
    run = run_import(cloud, rows, clock=clock)
    assert counts(run) == {"read": 12, "updated": 1, "unchanged": 11}
    (restated,) = Restatement.objects.all()
    assert restated.day == date(2026, 5, 2)
    assert restated.new_billed_nano - restated.old_billed_nano == 77 * 10**9 - 2_000_000_001
    assert (restated.rows_inserted, restated.rows_updated, restated.rows_superseded) == (0, 1, 0)
    assert live(as_of=seen_at) == before
    assert live() != before
    assert_books_balance()


def test_a_withdrawn_row_is_superseded_and_kept() -> None:
    cloud, rows = make_connection(), month()
    run_import(cloud, rows)
    run = run_import(cloud, rows[:5] + rows[6:])
    assert counts(run) == {"read": 11, "unchanged": 11, "superseded": 1}
    assert Charge.objects.count() == 12
    assert Charge.objects.get(superseded_at__isnull=False).superseded_at == run.finished_at
    assert Restatement.objects.get().rows_superseded == 1
    assert_books_balance()


@sweep_both_engines
def test_a_row_added_to_a_known_day_is_inserted_and_restates_the_day() -> None:
    cloud = make_connection()
    run_import(cloud, [line(1), line(2)])
    run = run_import(cloud, [line(1), line(2), line(2, "9", ServiceName="New")])
    assert counts(run) == {"read": 3, "inserted": 1, "unchanged": 2}
    assert Restatement.objects.get().rows_inserted == 1
    assert_books_balance()


@pytest.mark.both_engines
def test_then_another_then_the_first_again_ends_at_the_first() -> None:
    cloud = make_connection()
    first, other = month(), [row | {"BilledCost": "5"} for row in month()]
    run_import(cloud, first)
    held = live()
    run_import(cloud, other)
    run = run_import(cloud, first)
    assert run.status == RunStatus.APPLIED
    assert live() == held
    assert Restatement.objects.count() == 8
    assert_books_balance()


@sweep_both_engines
def test_a_file_of_fewer_days_leaves_the_other_days_alone() -> None:
    cloud = make_connection()
    run_import(cloud, month())
    held = live()
    run = run_import(cloud, [row for row in month() if "2026-05-02" in row["ChargePeriodStart"]])
    assert counts(run) == {"read": 3, "unchanged": 3}
    assert live() == held


def test_of_what_is_stored_only_the_days_of_the_input_are_looked_at(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A connection has a slice for every day that there ever was."""
    cloud = make_connection()
    run_import(cloud, [line(3, "1"), line(4, "2"), line(20, "3")])
    looked_at: list[date] = []
    from_db = ChargeSlice.from_db

    def noted(*arguments: Any) -> ChargeSlice:
        found = from_db(*arguments)
        looked_at.append(found.day)
        return found

    monkeypatch.setattr(ChargeSlice, "from_db", noted)
    run_import(cloud, [line(4, "9")])
    assert set(looked_at) == {date(2026, 5, 4)}
    looked_at.clear()
    run = run_import(cloud, [line(4, "9")], window=(date(2026, 5, 4), date(2026, 5, 21)))
    assert set(looked_at) == {date(2026, 5, 4), date(2026, 5, 20)}
    assert run.status == RunStatus.HELD  # of a day that was there, nothing came


def test_overlapping_windows_take_their_days_and_no_others() -> None:
    cloud, rows = make_connection(), month()
    first = run_import(cloud, rows, window=(date(2026, 5, 1), date(2026, 5, 3)))
    assert counts(first) == {"read": 7, "inserted": 7}
    second = run_import(cloud, rows, window=(date(2026, 5, 2), date(2026, 5, 5)))
    assert counts(second) == {"read": 8, "inserted": 5, "unchanged": 3}
    run_import(whole := make_connection("whole"), [row | {"BillingAccountId": "9"} for row in rows])
    assert live(cloud) == live(whole)
    assert_books_balance()


@sweep_both_engines
def test_a_day_in_two_billing_periods_is_two_slices() -> None:
    cloud = make_connection()
    may = line(31, "100")
    corrected = line(
        31,
        "-40",
        BillingPeriodStart="2026-06-01T00:00:00Z",
        BillingPeriodEnd="2026-07-01T00:00:00Z",
        ChargeClass="Correction",
    )
    run_import(cloud, [may])
    run = run_import(cloud, [corrected])
    assert counts(run) == {"read": 1, "inserted": 1}
    assert billed() == Decimal(60)
    assert not Restatement.objects.exists()
    assert_books_balance()


@sweep_both_engines
def test_two_accounts_of_one_connection_do_not_replace_each_other() -> None:
    cloud = make_connection()
    run_import(cloud, [line(1, "1", BillingAccountId="a")])
    run_import(cloud, [line(1, "2", BillingAccountId="b")])
    assert billed() == Decimal(3)
    assert_books_balance()


def test_two_connections_of_different_accounts_do_not_touch_each_other() -> None:
    first, second = make_connection("first"), make_connection("second")
    run_import(first, [line(1, "1", BillingAccountId="a")])
    run = run_import(second, [line(1, "2", BillingAccountId="b")])
    assert counts(run) == {"read": 1, "inserted": 1}
    assert (billed(first), billed(second)) == (Decimal(1), Decimal(2))


@pytest.mark.both_engines
def test_money_finer_than_a_nano_unit_is_kept_in_the_residue_of_the_run() -> None:
    cloud = make_connection()
    amounts = ["0.0000000005", "0.0000000015", "-0.0000000025", "12.3456789012345"]
    run = run_import(cloud, [line(n + 1, amount) for n, amount in enumerate(amounts)])
    source = sum(map(Decimal, amounts))
    assert Decimal(run.totals_in["USD"]["billed"]) == source
    assert Decimal(run.totals_stored["USD"]["billed"]) == billed()
    assert billed() + Decimal(run.totals_residue["USD"]["billed"]) == source
    # Half-even: 0.5 → 0, 1.5 → 2, -2.5 → -2, …012345 → …012
    assert sorted(each.billed for each in live()) == [-2, 0, 2, 12_345_678_901]


def test_credits_and_refunds_above_the_charge_keep_their_sign() -> None:
    cloud = make_connection()
    rows = [line(1, "10"), line(1, "-25", ChargeCategory="Credit"), line(2, "0")]
    run = run_import(cloud, rows)
    assert run.totals_in["USD"]["billed"] == "-15"
    assert billed() == Decimal(-15)
    assert_books_balance()


# --- order and time -------------------------------------------------------------------------


@pytest.mark.both_engines
def test_new_dimensions_are_made_in_one_order_whichever_comes_first() -> None:
    """Two imports that make the same ones in different orders would wait for each other."""
    run_import(make_connection(), [line(ServiceName=f"Service {number}") for number in range(20)])
    made = list(ChargeDimension.objects.order_by("pk").values_list("digest", flat=True))
    assert len(made) == 20
    assert made == sorted(made)


def test_an_older_run_after_a_newer_one_is_superseded_and_writes_nothing() -> None:
    cloud = make_connection()
    older = request(cloud, [line(1, "1")])
    newer = request(cloud, [line(1, "2")])
    assert execute_run(newer.pk, clock=Clock()).status == RunStatus.APPLIED
    before = fingerprint()
    late = execute_run(older.pk, clock=Clock(START + timedelta(hours=1)))
    assert late.status == RunStatus.SUPERSEDED
    assert f"Run {newer.pk} is newer" in late.problem
    assert fingerprint() == before
    assert billed() == Decimal(2)


@sweep_both_engines
def test_a_machine_whose_clock_is_behind_imports_all_the_same() -> None:
    cloud = make_connection()
    run_import(cloud, [line(1, "1")], clock=Clock(START + timedelta(minutes=5)))
    run = run_import(cloud, [line(1, "2")], clock=Clock(START))
    assert run.status == RunStatus.APPLIED
    assert billed() == Decimal(2)
    old, new = Charge.objects.order_by("pk")
    assert old.superseded_at == new.recorded_at
    assert old.recorded_at <= new.recorded_at


@sweep_both_engines
def test_an_older_run_of_other_days_is_applied() -> None:
    cloud = make_connection()
    older = request(cloud, [line(1, "1")])
    newer = request(cloud, [line(2, "2")])
    for run in (newer, older):
        assert execute_run(run.pk, clock=Clock()).status == RunStatus.APPLIED
    assert billed() == Decimal(3)


def test_a_replay_of_an_old_run_does_not_undo_what_came_after_it() -> None:
    cloud = make_connection()
    old = run_import(cloud, [line(1, "1")])
    run_import(cloud, [line(1, "2")])
    replay = execute_run(replay_run(run=old, actor=None, at=START).pk, clock=Clock())
    assert replay.status == RunStatus.SUPERSEDED
    assert billed() == Decimal(2)


@sweep_both_engines
def test_a_replay_and_its_replay_both_count_as_the_run_they_replay() -> None:
    cloud, person = make_connection(), make_person("mender")
    run = run_import(
        cloud, [line(1), line(2, ChargePeriodStart="one"), line(3, ChargePeriodStart="two")]
    )
    for number, (word, day) in enumerate((("one", 2), ("two", 3)), start=2):
        row = RejectedRow.objects.get(value=word)
        mended = row.raw_text.replace(word, f"2026-05-{day:02}T00:00:00Z")
        repair_row(row=row, text=mended, reason="known", actor=person, at=START)
        run = execute_run(replay_run(run=run, actor=person, at=START).pk, clock=Clock())
        assert run.status == RunStatus.APPLIED
        assert sum(live().values()) == number
    assert_books_balance()


# --- dry run --------------------------------------------------------------------------------


def test_a_dry_run_says_what_would_change_and_changes_nothing() -> None:
    cloud, rows = make_connection(), month()
    run_import(cloud, rows)
    before = fingerprint()
    changed = [rows[0] | {"BilledCost": "9"}, *rows[1:8], line(9), line(8, ChargePeriodStart="x")]
    run = run_import(cloud, changed, is_dry_run=True)
    assert run.status == RunStatus.CHECKED
    assert counts(run) == {
        "read": 10,
        "inserted": 1,
        "updated": 1,
        "unchanged": 7,
        "superseded": 2,
        "rejected": 1,
    }
    assert fingerprint() == before
    assert not RejectedRow.objects.exists()
    assert "not in this input" in run.held_reason
    repeated = run_import(cloud, rows)
    assert counts(repeated) == {"read": 12, "unchanged": 12}
