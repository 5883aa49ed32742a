"""Teams in whose use cases something was delivered, of the teams that are large enough to count.

Yes or no for a team: more use, more tokens or more people change nothing.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from fractions import Fraction

from django.db.models import Count, Q

from adoption.choices import DeliveryState, Stage
from adoption.metrics import ndu
from adoption.metrics.contracts import Computed, Facts
from adoption.metrics.exact import nano, wilson
from adoption.metrics.windows import Window
from adoption.models import Delivery, Membership, UseCase

LOOK_BACK = dt.timedelta(days=28)
MINIMUM_TEAMS, TEAM_OF = 5, 5
IN_PRODUCTION = (Stage.LIVE, Stage.VALIDATED)


def collect_reach(
    programme_ids: Sequence[int], window: Window, as_of: dt.datetime
) -> Mapping[int, Facts]:
    """Of each programme: teams of at least five, and which of them delivered in its last 28 days.

    A team is reached by a use case of its own in production (live or validated) with at least one
    delivery in that time that is in production or confirmed.
    """
    last = window.ends_on - dt.timedelta(days=1)
    end = min(window.ends_at, as_of)
    current = Q(starts_on__lte=last) & (Q(ends_on__isnull=True) | Q(ends_on__gt=last))
    teams = (
        Membership.objects.filter(current)
        .values_list("team_id")
        .annotate(people=Count("user_id", distinct=True))
    )
    eligible = sorted(pk for pk, people in teams if people >= TEAM_OF)
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
        pk: {
            "starts_at": ndu.moment_text(window.starts_at),
            "ends_at": ndu.moment_text(window.ends_at),
            "as_of": ndu.moment_text(as_of),
            "team_of": TEAM_OF,
            "eligible": eligible,
            "reached": sorted(reached[pk] & set(eligible)),
        }
        for pk in programme_ids
    }


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
