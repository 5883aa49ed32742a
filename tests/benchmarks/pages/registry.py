"""People, teams, use cases, milestones and connections: the small tables."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

from adoption.choices import (
    Comparator,
    MilestoneEventKind,
    MilestoneState,
    RiskTier,
    Stage,
    ValueType,
)
from adoption.models import (
    Membership,
    Milestone,
    MilestoneEvent,
    Programme,
    StageChange,
    Team,
    UseCase,
)
from portal.choices import Role
from portal.models import RoleGrant, User
from tests.benchmarks.pages.sizes import Calendar, Sizes

READER = "reader"  # signs in: a programme lead who also reads the bill
_STAGES = [Stage.PROPOSED, Stage.APPROVED, Stage.PILOT, Stage.LIVE, Stage.LIVE, Stage.VALIDATED,
           Stage.STOPPED]  # fmt: skip
_WAY = [Stage.PROPOSED, Stage.APPROVED, Stage.PILOT, Stage.LIVE, Stage.VALIDATED]
_SUBJECTS = ("Answer drafts", "Contract review", "Incident notes", "Test repair", "Log triage",
             "Offer texts", "Code moves", "Invoice reading", "Release notes", "Search")  # fmt: skip
_WORDS = (
    "Requests are answered from drafts that a person checks, so that the first answer goes out on "
    "the same day and fewer answers are corrected afterwards."
)
_METRICS = (
    ("ai_production_deployments", Comparator.AT_LEAST, 1, ""),
    ("held_deliveries", Comparator.AT_LEAST, 25, ""),
    ("held_deliveries", Comparator.AT_LEAST, 100, ""),
    ("effective_cost_per_held_delivery", Comparator.BELOW, 40, "USD"),
)


def fill_registry(sizes: Sizes, calendar: Calendar) -> User:
    """Make them all; returns who signs in."""
    people = _people(sizes, calendar)
    teams = _teams(people, calendar)
    programmes = Programme.objects.bulk_create(
        Programme(
            slug=f"programme-{number}",
            name=f"Programme {number}",
            owner=people[number],
            currency="USD",
            time_zone=("UTC", "Europe/Berlin", "America/New_York")[number],
            starts_on=calendar.start,
        )
        for number in range(3)
    )
    use_cases = UseCase.objects.bulk_create(
        _use_case(number, people, teams, programmes, calendar) for number in range(sizes.use_cases)
    )
    _decisions(use_cases, people, calendar)
    _milestones(use_cases, calendar)
    return people[0]


def _people(sizes: Sizes, calendar: Calendar) -> list[User]:
    people = User.objects.bulk_create(
        User(
            username=READER if not number else f"person{number}",
            full_name=f"Person {number} Surname",
            email=f"person{number}@example.org",
            password="!",  # noqa: S106  (nobody signs in with it)
        )
        for number in range(sizes.people)
    )
    RoleGrant.objects.bulk_create(
        RoleGrant(user=people[0], role=role, granted_at=calendar.moment(0))
        for role in (Role.PROGRAMME_LEAD, Role.FINANCE, Role.ADMINISTRATOR)
    )
    return people


def _teams(people: list[User], calendar: Calendar) -> list[Team]:
    roots = Team.objects.bulk_create(
        Team(slug=f"division-{number}", name=f"Division {number}") for number in range(6)
    )
    leaves = Team.objects.bulk_create(
        Team(slug=f"team-{number}", name=f"Team {number}", parent=roots[number % 6])
        for number in range(30)
    )
    Membership.objects.bulk_create(
        Membership(team=leaves[number % 30], user=person, starts_on=calendar.start)
        for number, person in enumerate(people)
    )
    return leaves


def _use_case(
    number: int,
    people: list[User],
    teams: list[Team],
    programmes: list[Programme],
    calendar: Calendar,
) -> UseCase:
    values = list(ValueType)
    owner = people[number % len(people)]
    return UseCase(
        slug=f"use-case-{number}",
        title=f"{_SUBJECTS[number % 10]} for group {number}",
        programme=programmes[number % 3],
        team=teams[number * 7 % 30],
        owner=owner,
        problem=_WORDS,
        hypothesis=f"If {_WORDS[0].lower()}{_WORDS[1:]}",
        value_type=values[number % len(values)],
        risk_tier=list(RiskTier)[number % 3],
        stop_rule="Fewer than five held deliveries in a quarter.",
        stage=Stage.LIVE if not number else _STAGES[number % len(_STAGES)],
        stage_since=calendar.day(200),
        created_by=owner,
        created_at=calendar.moment(number % 100),
        updated_at=calendar.moment(200 + number % 100),
    )


def _decisions(use_cases: list[UseCase], people: list[User], calendar: Calendar) -> None:
    steps = []
    for number, use_case in enumerate(use_cases):
        stage_now = Stage(use_case.stage)
        way = _WAY[: _WAY.index(stage_now) + 1] if stage_now in _WAY else _WAY[:3]
        if stage_now not in _WAY:
            way = [*way, Stage.STOPPED]
        for place, stage in enumerate(way):
            steps.append(
                StageChange(
                    use_case=use_case,
                    from_stage=way[place - 1] if place else "",
                    to_stage=stage,
                    reason=_WORDS if stage == Stage.STOPPED else "Agreed in the programme round.",
                    decided_by=people[(number + place) % len(people)],
                    decided_at=calendar.moment(number % 100 + place * 20),
                )
            )
    StageChange.objects.bulk_create(steps, batch_size=1000)


def _milestones(use_cases: list[UseCase], calendar: Calendar) -> None:
    milestones = Milestone.objects.bulk_create(
        (
            _milestone(use_case, number, place, calendar)
            for number, use_case in enumerate(use_cases)
            for place in range(4)
        ),
        batch_size=1000,
    )
    kinds: dict[str, Callable[[Milestone], dt.datetime | None]] = {
        MilestoneEventKind.ADDED: lambda milestone: milestone.created_at,
        MilestoneEventKind.REACHED: lambda milestone: milestone.reached_at,
    }
    events = [
        MilestoneEvent(
            use_case_id=milestone.use_case_id,
            milestone=milestone,
            title=milestone.title,
            kind=kind,
            happened_at=moment,
        )
        for milestone in milestones
        for kind, read in kinds.items()
        if (moment := read(milestone)) is not None
    ]
    MilestoneEvent.objects.bulk_create(events, batch_size=1000)


def _milestone(use_case: UseCase, number: int, place: int, calendar: Calendar) -> Milestone:
    metric, comparator, threshold, currency = _METRICS[place]
    is_reached = place == 0 or (place == 1 and number % 2 == 0)
    measured = threshold + number % 3 if is_reached else threshold * (number % 10) // 12
    values: dict[str, Any] = {}
    if is_reached:
        values["reached_at"] = calendar.moment(150 + number % 150)
    is_missed = place == 1 and not is_reached
    state = MilestoneState.MISSED if is_missed else MilestoneState.OPEN
    return Milestone(
        use_case=use_case,
        title=f"Promise {place + 1} of {use_case.title}"[:160],
        due_on=calendar.day(160 + place * 80 + number % 100),
        metric_key=metric,
        comparator=comparator,
        threshold_nano=threshold * 10**9,
        currency=currency,
        created_at=calendar.moment(number % 100),
        state=MilestoneState.REACHED if is_reached else state,
        measured_nano=measured * 10**9,
        measured_at=calendar.moment(364),
        **values,
    )
