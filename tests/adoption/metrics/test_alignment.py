"""Milestone alignment: golden cases, and what does not flatter it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Any

import pytest

from adoption.choices import MilestoneEventKind, MilestoneState
from adoption.metrics.alignment import calculate_alignment, collect_alignment
from adoption.metrics.contracts import canonical
from adoption.metrics.registry import NANO
from adoption.metrics.windows import Window, WindowKind, window_of
from adoption.models import AdoptionTarget, Milestone, Programme, TargetEvent
from adoption.services.targets import create_target, withdraw_target
from tests.adoption.factories import (
    make_milestone,
    make_programme,
    make_use_case,
    registered_metric,
)
from tests.adoption.services.test_targets import draft

QUARTER = window_of(WindowKind.QUARTER, dt.date(2026, 5, 1), "UTC")
AFTER = dt.datetime(2026, 7, 3, tzinfo=dt.UTC)


def due(
    met_on: str | None, *, is_withdrawn: bool = False, due_on: str = "2026-05-10"
) -> dict[str, Any]:
    return {"target": 1, "milestone": 7, "due_on": due_on, "met_on": met_on,
            "is_withdrawn": is_withdrawn}  # fmt: skip


def test_golden_three_of_five() -> None:
    """On the day counts, the day after does not; withdrawn is not met."""
    targets = [
        due("2026-05-01"), due("2026-05-10"), due("2026-05-11"), due(None),
        due("2026-05-09"), due("2026-05-01", is_withdrawn=True),
    ]  # fmt: skip
    found = calculate_alignment({"targets": targets, "until": "2026-07-03"})
    assert (found.nano, found.n) == (NANO // 2, 6)
    five = calculate_alignment({"targets": targets[:5], "until": "2026-07-03"})
    assert (five.nano, five.n) == (600_000_000, 5)


def test_below_five_there_is_no_value_and_days_to_come_are_not_due() -> None:
    targets = [due("2026-05-01")] * 4 + [due(None, due_on="2026-07-03")]
    found = calculate_alignment({"targets": targets, "until": "2026-07-03"})
    assert (found.nano, found.reason, found.n) == (None, "below_minimum", 4)
    assert calculate_alignment({"targets": [], "until": "2026-07-03"}).nano is None


@pytest.fixture
def milestone() -> Iterator[Milestone]:
    with registered_metric():
        programme = make_programme()
        yield make_milestone(
            make_use_case(programme=programme, at=dt.datetime(2026, 1, 2, tzinfo=dt.UTC))
        )


def setting(milestone: Milestone, day: dt.date) -> AdoptionTarget:
    return create_target(
        draft=draft(milestone, due_on=day), actor=milestone.use_case.owner,
        at=dt.datetime(2026, 2, 1, tzinfo=dt.UTC),
    )  # fmt: skip


def facts_of(programme: Programme, window: Window = QUARTER) -> Any:
    return collect_alignment([programme.pk], window, AFTER).get(programme.pk, {"targets": []})


@pytest.mark.django_db
def test_what_was_due_in_the_quarter_is_collected_with_the_day_on_which_it_was_met(
    milestone: Milestone,
) -> None:
    inside = setting(milestone, dt.date(2026, 6, 30))
    setting(milestone, dt.date(2026, 7, 1))
    setting(milestone, dt.date(2026, 3, 31))
    AdoptionTarget.objects.filter(pk=inside.pk).update(
        state=MilestoneState.REACHED, measured_nano=NANO,
        reached_at=dt.datetime(2026, 6, 2, 9, tzinfo=dt.UTC),
    )  # fmt: skip
    facts = facts_of(milestone.use_case.programme)
    assert canonical(facts)
    assert [(each["target"], each["due_on"], each["met_on"]) for each in facts["targets"]] == [
        (inside.pk, "2026-06-30", "2026-06-02")
    ]


@pytest.mark.django_db
def test_a_target_that_is_moved_out_or_withdrawn_stays_due(milestone: Milestone) -> None:
    moved, gone, early = (setting(milestone, dt.date(2026, 5, day)) for day in (10, 11, 12))
    for target, moment in (
        (moved, dt.datetime(2026, 5, 9, tzinfo=dt.UTC)),
        (early, dt.datetime(2026, 3, 1, tzinfo=dt.UTC)),
    ):
        TargetEvent.objects.create(
            target=target, kind=MilestoneEventKind.CHANGED, due_on=dt.date(2026, 12, 1),
            happened_at=moment,
        )  # fmt: skip
        AdoptionTarget.objects.filter(pk=target.pk).update(due_on=dt.date(2026, 12, 1))
    withdraw_target(
        target_id=gone.pk, expected_version=1, reason="It will not be met.",
        actor=milestone.use_case.owner, at=dt.datetime(2026, 5, 9, tzinfo=dt.UTC),
    )  # fmt: skip
    facts = facts_of(milestone.use_case.programme)
    assert [each["target"] for each in facts["targets"]] == [moved.pk, gone.pk]
    assert [each["is_withdrawn"] for each in facts["targets"]] == [False, True]
    assert calculate_alignment({**facts, "targets": facts["targets"] * 3}).nano == 0
