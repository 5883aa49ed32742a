"""Teams that a programme reaches, of the teams that are large enough to count.

Yes or no for a team: more use, more tokens or more people change nothing. Version 1 takes what was
delivered for a sign of use; version 2 is the catalogue's, with validated use cases and a sign of
their own, and has no value where none is connected.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from django.db.models import Count, Q

from adoption.choices import DeliveryState, Stage, VerdictWord
from adoption.metrics.contracts import Computed, Facts
from adoption.metrics.exact import nano, wilson
from adoption.metrics.window_facts import moments_of
from adoption.metrics.windows import Window
from adoption.models import Delivery, ImpactVerdict, Membership, UseCase
from portal.registry import Registry

LOOK_BACK = dt.timedelta(days=28)
MINIMUM_TEAMS, TEAM_OF = 5, 5
NO_SIGN = "a yes or no of use in production from the products themselves: none is connected"
IN_PRODUCTION = (Stage.LIVE, Stage.VALIDATED)


@dataclass(frozen=True, slots=True)
class UseSign:
    """A source that says of a use case whether it was used, and nothing else.

    `used(use_case_ids, since, until)` → those that were used, by anybody, from `since` up to, not
    including, `until`. It must tell what runs in production: a licence or a token is no sign.
    """

    key: str
    used: Callable[[Sequence[int], dt.datetime, dt.datetime], Iterable[int]]


use_signs: Registry[UseSign] = Registry("sign of use", lambda item: [])


def collect_reach(
    programme_ids: Sequence[int], window: Window, as_of: dt.datetime
) -> Mapping[int, Facts]:
    """Of each programme: teams of at least five, and which of them delivered in its last 28 days.

    A team is reached by a use case of its own in production (live or validated) with at least one
    delivery in that time that is in production or confirmed.
    """
    end = min(window.ends_at, as_of)
    eligible = _eligible(window)
    since = window.ends_at - LOOK_BACK
    recent = Q(deployed_at__gte=since, deployed_at__lt=end) | Q(
        state=DeliveryState.CONFIRMED, reviewed_at__gte=since, reviewed_at__lt=end
    )
    standing = (DeliveryState.DEPLOYED, DeliveryState.HELD, DeliveryState.CONFIRMED)
    delivering = Delivery.objects.filter(recent, state__in=standing).values("use_case_id")
    reached: dict[int, set[int]] = {pk: set() for pk in programme_ids}
    for programme_id, team_id in UseCase.objects.filter(
        programme_id__in=list(programme_ids), stage__in=IN_PRODUCTION, pk__in=delivering
    ).values_list("programme_id", "team_id"):
        reached[programme_id].add(team_id)
    return {
        pk: _facts(window, as_of, eligible, reached[pk] & set(eligible)) for pk in programme_ids
    }


def _eligible(window: Window) -> list[int]:
    """Teams that had at least five members on the last day."""
    last = window.ends_on - dt.timedelta(days=1)
    current = Q(starts_on__lte=last) & (Q(ends_on__isnull=True) | Q(ends_on__gt=last))
    teams = (
        Membership.objects.filter(current)
        .values_list("team_id")
        .annotate(people=Count("user_id", distinct=True))
    )
    return sorted(pk for pk, people in teams if people >= TEAM_OF)


def _facts(
    window: Window, as_of: dt.datetime, eligible: Sequence[int], reached: Iterable[int]
) -> dict[str, Any]:
    return {
        **moments_of(window, as_of),
        "team_of": TEAM_OF,
        "eligible": list(eligible),
        "reached": sorted(reached),
    }


def collect_certified_reach(
    programme_ids: Sequence[int], window: Window, as_of: dt.datetime
) -> Mapping[int, Facts]:
    """Of each programme: teams of at least five, and which of them have a validated use case in
    production that was used in the last 28 days; whether anything says that it was."""
    eligible, end = _eligible(window), min(window.ends_at, as_of)
    judged = ImpactVerdict.objects.filter(
        verdict=VerdictWord.SUPPORTED, computed_at__lte=as_of
    ).exclude(superseded_at__lte=as_of)
    cases = {
        pk: (programme, team)
        for pk, programme, team in UseCase.objects.filter(
            programme_id__in=list(programme_ids),
            stage=Stage.VALIDATED,
            pk__in=judged.values("registration__use_case_id"),
        ).values_list("pk", "programme_id", "team_id")
    }
    signs = list(use_signs)
    used: set[int] = set()
    for sign in signs:
        used |= set(sign.used(sorted(cases), window.ends_at - LOOK_BACK, end)) & set(cases)
    reached: dict[int, set[int]] = {pk: set() for pk in programme_ids}
    for pk in used:
        programme, team = cases[pk]
        reached[programme].add(team)
    return {
        pk: {
            **_facts(window, as_of, eligible, reached[pk] & set(eligible)),
            "signs": sorted(sign.key for sign in signs),
        }
        for pk in programme_ids
    }


def calculate_certified_reach(facts: Facts) -> Computed:
    """As `calculate_reach`, where something says whether a use case was used."""
    if not facts["signs"]:
        return Computed(
            nano=None, reason="not_evaluable", missing=NO_SIGN, n=len(facts["eligible"])
        )
    return calculate_reach(facts)


def calculate_reach(facts: Facts) -> Computed:
    """The share of eligible teams, five of them at least."""
    total, reached = len(facts["eligible"]), len(facts["reached"])
    if not total:
        return Computed(
            nano=None, reason="not_evaluable", missing=f"teams of at least {facts['team_of']}"
        )
    if total < MINIMUM_TEAMS:
        return Computed(nano=None, reason="below_minimum", n=total)
    return Computed(nano=nano(Fraction(reached, total)), n=total, interval=wilson(reached, total))
