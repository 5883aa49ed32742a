"""The brakes: what waits for a person, and what a release covers."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from portal.choices import RunStatus
from portal.imports.runner import execute_run
from portal.models import Connection, ImportRun, User
from portal.services.imports import RunNotOpenError, discard_run, release_run
from tests.billing.services.charges import assert_books_balance, billed, fingerprint, live
from tests.billing.sweeps import sweep_both_engines, swept
from tests.imports import START, Clock, line, make_connection, make_person, run_import

pytestmark = pytest.mark.django_db
MAY = (date(2026, 5, 1), date(2026, 5, 4))


@pytest.fixture
def fin() -> User:
    return make_person("fin")


def release(run: ImportRun, person: User) -> ImportRun:
    release_run(run=run, actor=person, at=START)
    return execute_run(run.pk, clock=Clock())


@pytest.fixture
def braked() -> Connection:
    """Holds a change of more than half, above ten units."""
    return make_connection("braked", hold_jump_percent=50, hold_jump_floor=10)


@pytest.mark.both_engines
def test_a_covered_day_that_comes_back_empty_is_held(fin: User) -> None:
    cloud = make_connection()
    run_import(cloud, [line(1), line(2), line(3)])
    before = fingerprint()
    run = run_import(cloud, [line(1), line(3)], window=MAY)
    assert run.status == RunStatus.HELD
    assert "came back empty (days 2026-05-02)" in run.held_reason
    assert fingerprint() == before
    assert release(run, fin).status == RunStatus.APPLIED
    assert run_day_sum(2) == 0
    assert_books_balance()


def run_day_sum(day: int) -> int:
    return sum(each.billed * n for each, n in live().items() if each.day == date(2026, 5, day))


@sweep_both_engines
def test_without_a_declared_window_a_missing_day_says_nothing() -> None:
    cloud = make_connection()
    run_import(cloud, [line(1), line(2)])
    assert run_import(cloud, [line(1, "3")]).status == RunStatus.APPLIED
    assert run_day_sum(2) == 1_500_000_000


@pytest.mark.parametrize(
    ("cost", "is_held"),
    [
        ("150", False),
        ("150.01", True),
        *swept(("149.99", False), ("50", False), ("49.99", True)),
    ],
)
def test_a_jump_beyond_the_bound_is_held_up_and_down(
    braked: Connection, cost: str, is_held: bool
) -> None:
    run_import(braked, [line(1, "100")])
    run = run_import(braked, [line(1, cost)])
    assert (run.status == RunStatus.HELD) == is_held
    assert ("jumps from 100 to" in run.held_reason) == is_held


@sweep_both_engines
def test_a_large_share_of_a_small_sum_is_not_held(braked: Connection) -> None:
    run_import(braked, [line(1, "1")])
    assert run_import(braked, [line(1, "11")]).status == RunStatus.APPLIED
    assert run_import(braked, [line(1, "22")]).status == RunStatus.HELD


@sweep_both_engines
def test_new_days_are_no_jump(braked: Connection) -> None:
    run_import(braked, [line(1, "1")])
    assert run_import(braked, [line(1, "1"), line(2, "99999")]).status == RunStatus.APPLIED


def test_a_change_of_currency_is_held_and_never_added(fin: User) -> None:
    cloud = make_connection()
    run_import(cloud, [line(1, "5")])
    run = run_import(cloud, [line(1, "5", BillingCurrency="EUR")])
    assert run.status == RunStatus.HELD
    assert "The currency changes from USD to EUR." in run.held_reason
    assert release(run, fin).status == RunStatus.APPLIED
    assert {each.currency for each in live()} == {"EUR"}
    assert_books_balance()


def test_two_currencies_in_one_file_are_refused() -> None:
    run = run_import(make_connection(), [line(1), line(2, BillingCurrency="EUR")])
    assert run.status == RunStatus.REFUSED
    for part in ("part-0.csv", "line 3", "BillingCurrency", "EUR", "USD"):
        assert part in run.problem
    assert not live()


@sweep_both_engines
def test_the_same_money_through_another_connection_is_held(fin: User) -> None:
    first, second = make_connection("first"), make_connection("second")
    run_import(first, [line(1), line(2)])
    run = run_import(second, [line(1), line(2), line(3)])
    assert run.status == RunStatus.HELD
    assert "2 rows are already imported through the connection 'first'" in run.held_reason
    assert billed() == Decimal(3)
    assert release(run, fin).status == RunStatus.APPLIED
    assert_books_balance()


@pytest.mark.both_engines
def test_a_release_covers_the_reasons_that_were_seen_and_no_new_one(fin: User) -> None:
    braked = make_connection("braked", hold_jump_percent=50, hold_jump_floor=10)
    other = make_connection("other")
    run_import(braked, [line(1, "100")])
    held = run_import(braked, [line(1, "900")])
    assert held.status == RunStatus.HELD
    # The same line arrives elsewhere before the release takes effect: a reason nobody has seen.
    run_import(other, [line(1, "900")])
    again = release(held, fin)
    assert again.status == RunStatus.HELD
    assert "already imported" in again.held_reason
    assert billed(braked) == Decimal(100)
    assert release(again, fin).status == RunStatus.APPLIED
    assert billed(braked) == Decimal(900)
    assert_books_balance()


@sweep_both_engines
def test_a_discarded_run_is_never_applied(braked: Connection, fin: User) -> None:
    run_import(braked, [line(1, "100")])
    held = run_import(braked, [line(1, "900")])
    discard_run(run=held, actor=fin, at=START)
    assert execute_run(held.pk, clock=Clock()).status == RunStatus.DISCARDED
    assert billed() == Decimal(100)
    for decide in (release_run, discard_run):
        with pytest.raises(RunNotOpenError):
            decide(run=held, actor=fin, at=START)


@sweep_both_engines
def test_a_release_after_a_newer_import_is_superseded(braked: Connection, fin: User) -> None:
    run_import(braked, [line(1, "100")])
    held = run_import(braked, [line(1, "900")])
    run_import(braked, [line(1, "110")])
    assert release(held, fin).status == RunStatus.SUPERSEDED
    assert billed() == Decimal(110)


def test_a_dry_run_names_the_brakes_and_is_not_held(braked: Connection) -> None:
    run_import(braked, [line(1, "100")])
    run = run_import(braked, [line(1, "900")], is_dry_run=True)
    assert run.status == RunStatus.CHECKED
    assert "jumps" in run.held_reason
