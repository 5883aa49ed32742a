"""How many eligible teams delivered something that held, lately: adoption as an outcome.

It answers what "80 % of developers weekly" asks for, and usage cannot move it: a team counts once,
yes or no, and only by work that stayed in production or was confirmed by somebody else.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from fractions import Fraction
from zoneinfo import ZoneInfo

from django.db.models import Q
from django.urls import reverse

from adoption.choices import Comparator, DeliveryState
from adoption.metrics.registry import NANO, Measured, MetricDefinition, metrics
from adoption.models import Delivery, Membership, Programme, UseCase
from portal.shell.periods import day_of

LOOK_BACK = dt.timedelta(days=28)
SMALLEST_TEAM = 5  # people; in a smaller one a team's yes or no would be a person's
_NO_TEAM = "no_eligible_team"


@dataclass(frozen=True, slots=True)
class TeamOutcome:
    """What the 28 days before a moment show. Teams by key; people never leave this module.

    Attributes:
        eligible: teams with at least five members on the day.
        too_small: teams with members, but fewer: not counted on either side.
        delivered: eligible teams with a held delivery.
    """

    eligible: frozenset[int] = frozenset()
    too_small: frozenset[int] = frozenset()
    delivered: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class _Held:
    """One delivery that held: where it belongs, whose it was, and on which day it was logged."""

    use_case_id: int
    programme_id: int
    team_id: int
    person_id: int
    day: dt.date


@dataclass(slots=True)
class _Memberships:
    """Dated memberships, read once."""

    rows: list[tuple[int, int, dt.date, dt.date | None]] = field(default_factory=list)

    @classmethod
    def read(cls) -> _Memberships:
        return cls(
            list(Membership.objects.values_list("team_id", "user_id", "starts_on", "ends_on"))
        )

    def people_on(self, day: dt.date) -> dict[int, set[int]]:
        """Members of each team on a day."""
        found: dict[int, set[int]] = defaultdict(set)
        for team, user, starts, ends in self.rows:
            if starts <= day and (ends is None or day < ends):
                found[team].add(user)
        return found

    def team_of(self, held: _Held) -> int | None:
        """The one team that a delivery counts for.

        The team of the use case when the person was in it that day, otherwise their only team. A
        person of several other teams counts for none: one delivery never fills two teams.
        """
        teams = {
            team
            for team, user, starts, ends in self.rows
            if user == held.person_id and starts <= held.day and (ends is None or held.day < ends)
        }
        if held.team_id in teams:
            return held.team_id
        return next(iter(teams)) if len(teams) == 1 else None


def _held_since(condition: Q, as_of: dt.datetime) -> list[_Held]:
    """Deliveries that came to hold, or were confirmed, in the 28 days before `as_of`."""
    within = {"gt": as_of - LOOK_BACK, "lte": as_of}
    held = Q(state=DeliveryState.HELD, **{f"held_at__{name}": at for name, at in within.items()})
    confirmed = Q(
        state=DeliveryState.CONFIRMED, **{f"reviewed_at__{name}": at for name, at in within.items()}
    )
    rows = Delivery.objects.filter(condition, held | confirmed).values_list(
        "use_case_id", "use_case__programme_id", "use_case__team_id", "claimed_by_id", "claimed_at",
        "use_case__programme__time_zone",
    )  # fmt: skip
    return [
        _Held(use_case, programme, team, person, day_of(claimed_at, ZoneInfo(zone)))
        for use_case, programme, team, person, claimed_at, zone in rows
    ]


def _outcome(held: Iterable[_Held], memberships: _Memberships, day: dt.date) -> TeamOutcome:
    people = memberships.people_on(day)
    eligible = frozenset(team for team, members in people.items() if len(members) >= SMALLEST_TEAM)
    delivered = {memberships.team_of(each) for each in held}
    return TeamOutcome(
        eligible=eligible,
        too_small=frozenset(people) - eligible,
        delivered=frozenset(team for team in delivered if team is not None) & eligible,
    )


def programme_outcomes(ids: Iterable[int], as_of: dt.datetime) -> dict[int, TeamOutcome]:
    """By programme: over all its use cases, in three queries."""
    wanted = list(ids)
    zones = dict(Programme.objects.filter(pk__in=wanted).values_list("pk", "time_zone"))
    held = _held_since(Q(use_case__programme_id__in=wanted), as_of)
    return _by(zones, held, as_of, lambda each: each.programme_id)


def use_case_outcomes(ids: Iterable[int], as_of: dt.datetime) -> dict[int, TeamOutcome]:
    """By use case, for one that several teams use, in three queries."""
    wanted = list(ids)
    zones = dict(UseCase.objects.filter(pk__in=wanted).values_list("pk", "programme__time_zone"))
    held = _held_since(Q(use_case_id__in=wanted), as_of)
    return _by(zones, held, as_of, lambda each: each.use_case_id)


def _by(
    zones: dict[int, str],
    held: Iterable[_Held],
    as_of: dt.datetime,
    key: Callable[[_Held], int],
) -> dict[int, TeamOutcome]:
    memberships = _Memberships.read()
    groups: dict[int, list[_Held]] = defaultdict(list)
    for each in held:
        groups[key(each)].append(each)
    return {
        pk: _outcome(groups[pk], memberships, day_of(as_of, ZoneInfo(zone)))
        for pk, zone in zones.items()
    }


def _counted(outcome: TeamOutcome, as_of: dt.datetime, url: str) -> Measured:
    if not outcome.eligible:
        return Measured(nano=None, as_of=as_of, reason=_NO_TEAM)
    count = len(outcome.delivered)
    return Measured(nano=count * NANO, as_of=as_of, count=len(outcome.eligible), lineage_url=url)


def _shared(outcome: TeamOutcome, as_of: dt.datetime, url: str) -> Measured:
    """The share, rounded half to even to the nano-unit."""
    if not outcome.eligible:
        return Measured(nano=None, as_of=as_of, reason=_NO_TEAM)
    nano = round(Fraction(len(outcome.delivered) * NANO, len(outcome.eligible)))
    return Measured(nano=nano, as_of=as_of, count=len(outcome.eligible), lineage_url=url)


def _case_urls(ids: list[int]) -> dict[int, str]:
    rows = UseCase.objects.filter(pk__in=ids).values_list("pk", "slug")
    return {
        pk: f"{reverse('use-case-deliveries', args=[slug])}?state=counting" for pk, slug in rows
    }


def count_for_use_cases(ids: Iterable[int], as_of: dt.datetime) -> dict[int, Measured]:
    """Teams with a held delivery of the use case in the 28 days before `as_of`."""
    wanted = list(ids)
    urls = _case_urls(wanted)
    found = use_case_outcomes(wanted, as_of)
    return {pk: _counted(each, as_of, urls.get(pk, "")) for pk, each in found.items()}


def share_for_use_cases(ids: Iterable[int], as_of: dt.datetime) -> dict[int, Measured]:
    """The same, as a share of all eligible teams."""
    wanted = list(ids)
    urls = _case_urls(wanted)
    found = use_case_outcomes(wanted, as_of)
    return {pk: _shared(each, as_of, urls.get(pk, "")) for pk, each in found.items()}


def count_for_programmes(ids: Iterable[int], as_of: dt.datetime) -> dict[int, Measured]:
    """Teams with a held delivery of any use case of the programme."""
    return {pk: _counted(each, as_of, "") for pk, each in programme_outcomes(ids, as_of).items()}


def share_for_programmes(ids: Iterable[int], as_of: dt.datetime) -> dict[int, Measured]:
    """The same, as a share of all eligible teams."""
    return {pk: _shared(each, as_of, "") for pk, each in programme_outcomes(ids, as_of).items()}


_FORMULA = (
    "Eligible is a team with at least five members on the day (dated memberships, days of the "
    "programme's zone); a smaller one is counted on neither side. A team counts when a delivery "
    "that one of its members logged came to hold, or was confirmed, in the last 28 days. A "
    "delivery counts for one team: that of the use case when the person was in it, otherwise "
    "their only team."
)
metrics.register(
    MetricDefinition(
        key="teams_with_held_delivery",
        version="1.0.0",
        label="Eligible teams with a held delivery in 28 days",
        unit="count",
        formula=f"Number of eligible teams with at least one held delivery. {_FORMULA}",
        inputs=frozenset({"deliveries", "teams"}),
        comparators=(Comparator.AT_LEAST,),
        measure=count_for_use_cases,
        decision="Whether more than the first team gets work done with it.",
        is_level=True,
    )
)
metrics.register(
    MetricDefinition(
        key="share_of_teams_with_held_delivery",
        version="1.0.0",
        label="Share of eligible teams with a held delivery in 28 days",
        unit="share",
        formula=(
            "Eligible teams with at least one held delivery, divided by all eligible teams. "
            f"{_FORMULA}"
        ),
        inputs=frozenset({"deliveries", "teams"}),
        comparators=(Comparator.AT_LEAST,),
        measure=share_for_use_cases,
        decision="Whether the programme reaches the teams that it is for, by what they deliver.",
    )
)
