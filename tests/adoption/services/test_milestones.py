"""Milestones: what may be promised, and how measuring decides. The metric is a fake one."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from adoption.choices import Comparator, MilestoneEventKind, MilestoneState
from adoption.metrics.registry import NANO, Measured
from adoption.models import Milestone, MilestoneEvent, UseCase
from adoption.services.milestone_rules import BadMilestoneError
from adoption.services.milestones import (
    MeasuredMilestones,
    MilestoneLockedError,
    measure_milestones,
    remove_milestone,
    update_milestone,
)
from adoption.services.refusals import RefusedError, StaleVersionError
from tests.adoption.factories import (
    NOW,
    FakeMetric,
    make_milestone,
    make_programme,
    make_team,
    make_use_case,
    make_user,
    registered_metric,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def things() -> Iterator[FakeMetric]:
    with registered_metric() as fake:
        yield fake


@pytest.fixture
def cost() -> Iterator[FakeMetric]:
    with registered_metric("cost", unit="money") as fake:
        yield fake


def _measure(*use_cases: UseCase, at: dt.datetime = NOW) -> MeasuredMilestones:
    return measure_milestones(use_case_ids=[u.pk for u in use_cases], at=at)


def _update(milestone: Milestone, **fields: Any) -> Milestone:
    values = {
        name: getattr(milestone, name)
        for name in ("title", "due_on", "metric_key", "comparator", "threshold_nano", "currency")
    }
    values["expected_version"] = milestone.version
    return update_milestone(
        milestone_id=milestone.pk, actor=milestone.use_case.owner, at=NOW, **(values | fields)
    )


def _kinds(use_case: UseCase) -> list[str]:
    return list(
        MilestoneEvent.objects.filter(use_case=use_case)
        .order_by("pk")
        .values_list("kind", flat=True)
    )


# --- What may be promised ---------------------------------------------------------------------


@pytest.mark.parametrize("key", ["tokens", "seats", "prompts", "nonsense"])
def test_a_target_on_usage_or_on_nothing_is_refused(things: FakeMetric, key: str) -> None:
    with pytest.raises(BadMilestoneError) as refused:
        make_milestone(make_use_case(), metric_key=key)
    assert refused.value.field == "metric_key"
    assert "outcome" in refused.value.reason


THRESHOLDS = [
    ("count", "gte", 1 * NANO, True),
    ("count", "gte", 0, False),
    ("count", "gt", 0, True),
    ("count", "gte", NANO // 2, False),
    ("count", "lt", 0, False),
    ("count", "lte", 0, True),
    ("count", "gte", -NANO, False),
    ("share", "gte", 8 * NANO // 10, True),
    ("share", "gte", NANO, True),
    ("share", "gt", NANO, False),
    ("share", "gte", 0, False),
    ("share", "lte", NANO, False),
    ("share", "lt", 0, False),
    ("share", "gte", 2 * NANO, False),
    ("days", "lt", 3 * NANO, True),
    ("days", "lt", 0, False),
    ("days", "lte", -1, False),
    ("count", "gte", 2**63, False),
]


def test_a_target_that_cannot_fail_or_cannot_be_met_is_refused() -> None:
    use_case = make_use_case()
    for unit, comparator, threshold, is_allowed in THRESHOLDS:
        promise = {"metric_key": "m", "comparator": comparator, "threshold_nano": threshold}
        with registered_metric("m", unit=unit):
            if is_allowed:
                make_milestone(use_case, **promise)
                continue
            with pytest.raises(BadMilestoneError) as refused:
                make_milestone(use_case, **promise)
            assert refused.value.field == "threshold", (unit, comparator, threshold)


def test_a_comparator_that_the_metric_does_not_allow_is_refused(things: FakeMetric) -> None:
    object.__setattr__(things.definition, "comparators", (Comparator.AT_LEAST,))
    with pytest.raises(BadMilestoneError) as refused:
        make_milestone(make_use_case(), comparator=Comparator.BELOW)
    assert refused.value.field == "comparator"


@pytest.mark.parametrize("currency", ["", "EUR"])
def test_an_amount_is_promised_in_the_programmes_currency(cost: FakeMetric, currency: str) -> None:
    with pytest.raises(BadMilestoneError, match="USD"):
        make_milestone(make_use_case(), metric_key="cost", comparator="lt", currency=currency)


@pytest.mark.parametrize("day", [dt.date(2025, 12, 31), dt.date(2027, 1, 1)])
def test_the_due_day_lies_within_the_programme(things: FakeMetric, day: dt.date) -> None:
    with pytest.raises(BadMilestoneError) as refused:
        make_milestone(make_use_case(), due_on=day)
    assert refused.value.field == "due_on"


# --- Measuring --------------------------------------------------------------------------------


def test_a_count_is_reached_when_the_thing_that_filled_it_happened(things: FakeMetric) -> None:
    use_case = make_use_case()
    milestone = make_milestone(use_case, threshold_nano=3 * NANO)
    above = make_milestone(use_case, comparator="gt", threshold_nano=3 * NANO)
    things.set(use_case, 2, 5, 9, 14)
    assert _measure(use_case).reached == 2
    milestone.refresh_from_db()
    above.refresh_from_db()
    assert milestone.state == MilestoneState.REACHED
    assert milestone.reached_at == dt.datetime(2026, 10, 9, 12, tzinfo=dt.UTC)
    assert above.reached_at == dt.datetime(2026, 10, 14, 12, tzinfo=dt.UTC)
    assert (milestone.measured_nano, milestone.measured_at) == (4 * NANO, NOW)
    event = MilestoneEvent.objects.get(milestone=milestone, kind=MilestoneEventKind.REACHED)
    assert event.note.startswith("On 9 Oct 2026. Fake things: at least 3")
    assert len(things.calls) == 1


def test_measuring_twice_changes_and_logs_nothing_more(things: FakeMetric) -> None:
    use_case = make_use_case()
    milestone = make_milestone(use_case)
    things.set(use_case, 2, 5)
    _measure(use_case)
    before = Milestone.objects.values().get(pk=milestone.pk)
    assert _measure(use_case).reached == 0
    assert Milestone.objects.values().get(pk=milestone.pk) == before
    assert _kinds(use_case) == ["added", "reached"]


def test_a_level_is_reached_when_it_was_looked_at(cost: FakeMetric) -> None:
    use_case = make_use_case()
    milestone = make_milestone(
        use_case, metric_key="cost", comparator="lt", threshold_nano=40 * NANO, currency="USD"
    )
    cost.values[use_case.pk] = Measured(nano=40 * NANO, as_of=NOW, currency="USD")
    _measure(use_case)
    milestone.refresh_from_db()
    assert (milestone.state, milestone.measured_nano) == (MilestoneState.OPEN, 40 * NANO)
    later = NOW + dt.timedelta(days=1)
    cost.values[use_case.pk] = Measured(nano=39 * NANO, as_of=later, currency="USD")
    _measure(use_case, at=later)
    milestone.refresh_from_db()
    assert (milestone.state, milestone.reached_at) == (MilestoneState.REACHED, later)


def test_unknown_stays_unknown_with_its_reason(things: FakeMetric) -> None:
    known, absent = make_use_case(), make_use_case()
    first, second = make_milestone(known), make_milestone(absent)
    things.values[known.pk] = Measured(nano=None, as_of=NOW, reason="no_production_deployment")
    _measure(known, absent)
    first.refresh_from_db()
    second.refresh_from_db()
    assert (first.measured_nano, first.measured_reason) == (None, "no_production_deployment")
    assert (second.measured_nano, second.measured_reason) == (None, "not_measured")
    assert first.state == second.state == MilestoneState.OPEN


def test_another_currency_is_not_compared(cost: FakeMetric) -> None:
    use_case = make_use_case()
    milestone = make_milestone(
        use_case, metric_key="cost", comparator="lt", threshold_nano=40 * NANO, currency="USD"
    )
    cost.values[use_case.pk] = Measured(nano=1, as_of=NOW, currency="EUR")
    _measure(use_case)
    milestone.refresh_from_db()
    assert (milestone.state, milestone.measured_reason) == (MilestoneState.OPEN, "currency_differs")


def test_withdrawn_facts_open_it_again_and_say_so(things: FakeMetric) -> None:
    use_case = make_use_case()
    milestone = make_milestone(use_case)
    things.set(use_case, 2, 5)
    _measure(use_case)
    things.set(use_case, 2)
    assert _measure(use_case).restated == 1
    milestone.refresh_from_db()
    assert (milestone.state, milestone.measured_reason) == (MilestoneState.OPEN, "restated")
    assert (milestone.measured_nano, milestone.reached_at) == (NANO, None)
    assert _kinds(use_case) == ["added", "reached", "restated"]
    _measure(use_case)
    milestone.refresh_from_db()
    assert milestone.measured_reason == "restated"
    things.set(use_case, 2, 20)
    _measure(use_case)
    milestone.refresh_from_db()
    assert (milestone.state, milestone.measured_reason) == (MilestoneState.REACHED, "")


def test_another_day_of_reaching_is_logged(things: FakeMetric) -> None:
    use_case = make_use_case()
    make_milestone(use_case)
    things.set(use_case, 2, 5)
    _measure(use_case)
    things.set(use_case, 2, 9)
    _measure(use_case)
    newest = MilestoneEvent.objects.filter(use_case=use_case).first()
    assert newest is not None
    assert (newest.kind, newest.note) == (
        MilestoneEventKind.RESTATED,
        "Reached on 9 Oct 2026 instead of 5 Oct 2026.",
    )


def test_unknown_does_not_take_back_what_was_reached(things: FakeMetric) -> None:
    use_case = make_use_case()
    milestone = make_milestone(use_case)
    things.set(use_case, 2, 5)
    _measure(use_case)
    things.values.clear()
    _measure(use_case)
    milestone.refresh_from_db()
    assert milestone.state == MilestoneState.REACHED
    assert (milestone.measured_nano, milestone.measured_reason) == (2 * NANO, "not_measured")


@pytest.mark.parametrize(
    ("then", "state", "reason"),
    [(38, MilestoneState.REACHED, "moved_since"), (44, MilestoneState.OPEN, "restated")],
)
def test_a_level_that_moves_on_is_kept_unless_its_own_day_is_restated(
    cost: FakeMetric, then: int, state: str, reason: str
) -> None:
    use_case = make_use_case()
    milestone = make_milestone(
        use_case, metric_key="cost", comparator="lt", threshold_nano=40 * NANO, currency="USD"
    )
    cost.values[use_case.pk] = Measured(nano=38 * NANO, as_of=NOW, currency="USD")
    _measure(use_case)
    later = NOW + dt.timedelta(days=5)

    def answer(_: int, as_of: dt.datetime) -> Measured:
        dollars = then if as_of == NOW else 45
        return Measured(nano=dollars * NANO, as_of=as_of, currency="USD")

    cost.answer = answer
    _measure(use_case, at=later)
    milestone.refresh_from_db()
    assert (milestone.state, milestone.measured_reason) == (state, reason)


def test_it_is_missed_when_its_day_is_over_in_the_programmes_zone(things: FakeMetric) -> None:
    programme = make_programme(time_zone="America/Los_Angeles")
    use_case = make_use_case(programme=programme)
    milestone = make_milestone(use_case, due_on=dt.date(2026, 11, 20))
    still_the_day = dt.datetime(2026, 11, 21, 7, 59, tzinfo=dt.UTC)
    _measure(use_case, at=still_the_day)
    milestone.refresh_from_db()
    assert milestone.state == MilestoneState.OPEN
    assert _measure(use_case, at=still_the_day + dt.timedelta(minutes=1)).missed == 1
    milestone.refresh_from_db()
    assert milestone.state == MilestoneState.MISSED
    things.set(use_case, 2, 5)
    _measure(use_case, at=still_the_day + dt.timedelta(days=1))
    milestone.refresh_from_db()
    assert milestone.state == MilestoneState.REACHED


def test_a_metric_that_is_gone_is_named_as_the_reason() -> None:
    use_case = make_use_case()
    with registered_metric():
        milestone = make_milestone(use_case)
    _measure(use_case)
    milestone.refresh_from_db()
    assert milestone.measured_reason == "unknown_metric"


@pytest.mark.both_engines
def test_queries_do_not_grow_with_the_number_of_use_cases(things: FakeMetric) -> None:
    owner, programme, team = make_user(), make_programme(), make_team()
    counts = []
    for size in (2, 12):
        use_cases = [
            make_use_case(owner=owner, programme=programme, team=team) for _ in range(size)
        ]
        for use_case in use_cases:
            make_milestone(use_case)
            make_milestone(use_case, threshold_nano=9 * NANO)
            things.set(use_case, 2, 5)
        things.calls.clear()
        with CaptureQueriesContext(
            connection,
        ) as queries:
            _measure(*use_cases)
        counts.append(len(queries))
        assert len(things.calls) == 1
    assert counts[0] == counts[1]


# --- Editing ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "fields", [{"threshold_nano": 1 * NANO}, {"comparator": "gt"}, {"due_on": dt.date(2026, 12, 1)}]
)
def test_a_reached_milestone_keeps_its_promise(things: FakeMetric, fields: dict[str, Any]) -> None:
    use_case = make_use_case()
    milestone = make_milestone(use_case)
    things.set(use_case, 2, 5)
    _measure(use_case)
    milestone.refresh_from_db()
    with pytest.raises(MilestoneLockedError):
        _update(milestone, **fields)
    with pytest.raises(MilestoneLockedError):
        remove_milestone(
            milestone_id=milestone.pk,
            expected_version=milestone.version,
            reason="x",
            actor=use_case.owner,
            at=NOW,
        )
    assert _update(milestone, title="New words").state == MilestoneState.REACHED


def test_another_measure_opens_a_missed_milestone_and_the_log_shows_both(
    things: FakeMetric,
) -> None:
    use_case = make_use_case()
    milestone = make_milestone(use_case, due_on=dt.date(2026, 11, 1))
    things.set(use_case, 2)
    _measure(use_case)
    milestone.refresh_from_db()
    assert milestone.state == MilestoneState.MISSED
    edited = _update(milestone, threshold_nano=1 * NANO)
    assert (edited.state, edited.measured_nano, edited.measured_at) == ("open", None, None)
    newest = MilestoneEvent.objects.filter(use_case=use_case).first()
    assert newest is not None
    assert newest.note == (
        "before: Fake things: at least 2, due 1 Nov 2026; "
        "now: Fake things: at least 1, due 1 Nov 2026"
    )


def test_a_stale_edit_and_a_stale_removal_are_refused(things: FakeMetric) -> None:
    milestone = make_milestone(make_use_case())
    _update(milestone, title="Newer")
    with pytest.raises(StaleVersionError):
        _update(milestone, title="Older")
    with pytest.raises(StaleVersionError):
        remove_milestone(
            milestone_id=milestone.pk,
            expected_version=1,
            reason="x",
            actor=milestone.use_case.owner,
            at=NOW,
        )


def test_a_withdrawn_promise_needs_a_reason_and_leaves_a_trace(things: FakeMetric) -> None:
    use_case = make_use_case()
    milestone = make_milestone(use_case, title="Two things")
    for reason in ("", "Out of scope."):
        arguments: dict[str, Any] = {
            "milestone_id": milestone.pk,
            "expected_version": 1,
            "reason": reason,
            "actor": use_case.owner,
            "at": NOW,
        }
        if reason:
            remove_milestone(**arguments)
        else:
            with pytest.raises(RefusedError):
                remove_milestone(**arguments)
    newest = MilestoneEvent.objects.filter(use_case=use_case).first()
    assert newest is not None
    assert (newest.milestone, newest.title, newest.kind) == (None, "Two things", "removed")
    assert "at least 2" in newest.note
    assert newest.note.endswith("Out of scope.")


@pytest.mark.both_engines
def test_the_database_itself_refuses_reached_without_a_measured_value(things: FakeMetric) -> None:
    milestone = make_milestone(make_use_case())
    with pytest.raises(IntegrityError), transaction.atomic():
        Milestone.objects.filter(pk=milestone.pk).update(state=MilestoneState.REACHED)
