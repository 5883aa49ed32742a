"""Quantities: replaced a report's day at a time, with exact counts, and the past kept."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from billing.models import Usage, UsageDimension, UsageSlice
from billing.services.usage_store import UsageStore
from portal.imports.registry import Plan
from portal.models import Connection
from tests.billing.services.quantities import bring, make_run, quantity
from tests.imports import START, make_connection

pytestmark = [pytest.mark.both_engines, pytest.mark.django_db]


def counts(plan: Plan) -> tuple[int, int, int, int]:
    return plan.inserted, plan.updated, plan.unchanged, plan.superseded


def live() -> list[tuple[dt.date, int]]:
    rows = Usage.objects.filter(superseded_at__isnull=True).order_by("day", "quantity_micro")
    return list(rows.values_list("day", "quantity_micro"))


def test_the_same_again_changes_nothing_and_a_revision_keeps_the_past() -> None:
    connection = make_connection()
    assert counts(bring(connection, [quantity(1), quantity(2, "7")])) == (2, 0, 0, 0)
    assert counts(bring(connection, [quantity(2, "7"), quantity(1)])) == (0, 0, 2, 0)
    assert counts(bring(connection, [quantity(2, "8.5")], minute=5)) == (0, 1, 0, 0)
    assert live() == [
        (dt.date(2026, 9, 1), 5_000_000),
        (dt.date(2026, 9, 2), 8_500_000),
    ]
    old = Usage.objects.get(superseded_at__isnull=False)
    assert (old.quantity_micro, old.superseded_at) == (7_000_000, START + dt.timedelta(minutes=5))


def test_two_quantities_alike_in_everything_are_two() -> None:
    connection = make_connection()
    assert counts(bring(connection, [quantity(), quantity()])) == (2, 0, 0, 0)
    assert counts(bring(connection, [quantity()])) == (0, 0, 1, 1)


def test_reports_do_not_replace_each_other() -> None:
    connection = make_connection()
    bring(connection, [quantity(), quantity(dataset="acme.other")])
    assert counts(bring(connection, [quantity(tokens="6")])) == (0, 1, 0, 0)
    assert UsageSlice.objects.count() == 2
    assert UsageDimension.objects.count() == 2


def test_new_dimensions_are_made_in_one_order_whichever_comes_first() -> None:
    """Two imports that make the same ones in different orders would wait for each other."""
    bring(make_connection(), [quantity(model=f"acme-{number}") for number in range(20)])
    made = list(UsageDimension.objects.order_by("pk").values_list("digest", flat=True))
    assert made == sorted(made)


def test_an_older_run_never_overwrites_a_newer_one() -> None:
    connection = make_connection()
    early = make_run(connection)
    bring(connection, [quantity(tokens="6")])
    store = UsageStore(early)
    store.open()
    store.stage([quantity(tokens="5")])
    newest = UsageSlice.objects.get().last_run_id
    assert store.plan().overtaken_by == newest


def test_a_day_of_the_window_that_comes_back_empty_is_held() -> None:
    connection = make_connection()
    bring(connection, [quantity(1), quantity(2)])
    window = {"window_start": dt.date(2026, 9, 1), "window_end": dt.date(2026, 9, 3)}
    run = make_run(connection, **window)
    store = UsageStore(run)
    store.open()
    assert store.stage([quantity(1), quantity(3)]) == 1
    plan = store.plan()
    assert plan.hold_reasons == ["2026-09-02: acme.usage had 1 quantities and has none now."]
    assert counts(plan) == (0, 0, 1, 1)


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_history_of_imports_ends_as_the_last_word_on_each_day(data: st.DataObject) -> None:
    Usage.objects.all().delete()
    UsageSlice.objects.all().delete()
    connection = Connection.objects.first() or make_connection()
    last: dict[int, list[int]] = {}
    rows = st.lists(st.tuples(st.integers(1, 3), st.integers(0, 3)), max_size=6)
    for taken in data.draw(st.lists(rows, min_size=1, max_size=4)):
        plan = bring(connection, [quantity(day, str(tokens)) for day, tokens in taken])
        assert plan.inserted + plan.updated + plan.unchanged == len(taken)
        for day in {day for day, _ in taken}:
            last[day] = sorted(tokens for other, tokens in taken if other == day)
    expected = [
        (dt.date(2026, 9, day), tokens * 1_000_000) for day in sorted(last) for tokens in last[day]
    ]
    assert live() == expected
