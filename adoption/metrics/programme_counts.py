"""The two counts that milestones use, by programme and month, for the catalogue.

People come in as how many they were, never as who.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple
from zoneinfo import ZoneInfo

from django.db.models import Exists, F, OuterRef

from adoption.choices import DeliveryState, EnvironmentTier, ScopeKind, Strength
from adoption.metrics.contracts import Better, Computed, Dimension, Facts, Windowed
from adoption.metrics.held import PROGRAMME, came_to_hold
from adoption.metrics.windows import Window, WindowKind
from adoption.models import Change, Delivery, RepositoryLink, UseCase
from portal.shell.money import NANO_PER_UNIT
from portal.shell.periods import day_bounds

# The named policy under which a change counts as AI-assisted: somebody or something said so.
# `inferred` (a seat was active that day) is usage and therefore does not count.
AI_ASSISTED = (Strength.AUTONOMOUS, Strength.ASSISTED, Strength.SUGGESTION, Strength.DECLARED)
_TESTS = "tests/adoption/metrics/test_programme_counts.py::"


class LinkPeriod(NamedTuple):
    """When changes of a repository belonged to a use case, half-open."""

    use_case_id: int
    starts: dt.datetime
    ends: dt.datetime | None

    def contains(self, merged_at: dt.datetime) -> bool:
        return self.starts <= merged_at and (self.ends is None or merged_at < self.ends)


def link_periods(use_case_ids: Iterable[int]) -> dict[int, list[LinkPeriod]]:
    """By repository: which use case its changes belonged to, from when up to when."""
    found: dict[int, list[LinkPeriod]] = defaultdict(list)
    links = RepositoryLink.objects.filter(use_case_id__in=list(use_case_ids))
    for link in links.select_related("use_case__programme"):
        zone = ZoneInfo(link.use_case.programme.time_zone)
        ends = day_bounds(link.ends_on, zone)[0] if link.ends_on else None
        starts = day_bounds(link.starts_on, zone)[0]
        found[link.repository_id].append(LinkPeriod(link.use_case_id, starts, ends))
    return found


def collect_held(
    programme_ids: Sequence[int], window: Window, as_of: dt.datetime
) -> Mapping[int, Facts]:
    """Deliveries that came to hold, or were confirmed, in the window and are not undone since."""
    found = came_to_hold(programme_ids, of=PROGRAMME, as_of=as_of, window=window)
    return {
        pk: {
            "deliveries": [each.pk for each in found[pk]],
            "contributors": len({each.person_id for each in found[pk]}),
        }
        for pk in _with_use_cases(programme_ids, window)
    }


def _with_use_cases(programme_ids: Sequence[int], window: Window) -> list[int]:
    """Programmes with a use case that existed by then: in others nothing could be counted."""
    rows = UseCase.objects.filter(programme__in=programme_ids, created_at__lt=window.ends_at)
    return sorted(set(rows.values_list("programme_id", flat=True)))


def calculate_held(facts: Facts) -> Computed:
    """As many as there are."""
    count = len(facts["deliveries"])
    return Computed(nano=count * NANO_PER_UNIT, n=count, contributors=facts["contributors"])


def collect_deployments(
    programme_ids: Sequence[int], window: Window, as_of: dt.datetime
) -> Mapping[int, Facts]:
    """First production deployments in the window of changes that somebody logged as AI-assisted.

    Of linked repositories, and whichever use case it was logged for; a sign alone counts nothing.

    `known` and `changes` say of how many delivered changes anything is known about AI at all.
    """
    cases = UseCase.objects.filter(programme__in=programme_ids)
    programmes = dict(cases.values_list("pk", "programme_id"))
    periods = link_periods(programmes)
    changes = Change.objects.filter(
        repository_id__in=list(periods),
        delivered_at__gte=window.starts_at,
        delivered_at__lt=min(window.ends_at, as_of),
        delivered_by__tier=EnvironmentTier.PRODUCTION,
    ).exclude(reverted_at__lte=F("delivered_at"))
    logged = Delivery.objects.filter(change=OuterRef("pk")).exclude(state=DeliveryState.REJECTED)
    changes = changes.annotate(is_logged=Exists(logged))
    deployments: dict[int, set[int]] = defaultdict(set)
    people: dict[int, set[int]] = defaultdict(set)
    counts: dict[int, list[int]] = defaultdict(lambda: [0, 0])
    columns = ("repository_id", "merged_at", "strength", "delivered_by_id", "author_id")
    for (
        repository_id,
        merged_at,
        strength,
        deployment_id,
        author_id,
        is_logged,
    ) in changes.values_list(*columns, "is_logged"):
        # A change belongs where the link held when it was merged; to each programme once.
        for programme_id in {
            programmes[period.use_case_id]
            for period in periods[repository_id]
            if period.contains(merged_at)
        }:
            counts[programme_id][0] += 1
            counts[programme_id][1] += bool(strength)
            people[programme_id].add(author_id or 0)
            if is_logged:
                deployments[programme_id].add(deployment_id or 0)
    linked = {programmes[period.use_case_id] for group in periods.values() for period in group}
    return {
        pk: {
            "deployments": sorted(deployments[pk]),
            "contributors": len(people[pk]),
            "changes": counts[pk][0],
            "known": counts[pk][1],
        }
        for pk in sorted(linked)
    }


def calculate_deployments(facts: Facts) -> Computed:
    """As many as there are, with the share of changes of which nothing is known."""
    count, changes, known = len(facts["deployments"]), facts["changes"], facts["known"]
    return Computed(
        nano=count * NANO_PER_UNIT,
        n=changes,
        contributors=facts["contributors"],
        coverage_nano=known * NANO_PER_UNIT // changes if changes else None,
        unknown_share_nano=(changes - known) * NANO_PER_UNIT // changes if changes else None,
    )


HELD_BY_MONTH = Windowed(
    number=0,
    scope=ScopeKind.PROGRAMME,
    window=WindowKind.MONTH,
    collect=collect_held,
    calculate=calculate_held,
    better=Better.HIGHER,
    dimension=Dimension.PERFORMANCE,
    guardrails=("change_fail_rate", "survival_21_days"),
    resists={
        "A3": f"{_TESTS}test_the_same_change_logged_again_counts_once",
        "A6": f"{_TESTS}test_what_is_undone_later_counts_no_more",
    },
    readers="Programme lead, sponsor",
    withheld_from="nobody: a programme is no person",
)
DEPLOYMENTS_BY_MONTH = Windowed(
    number=0,
    scope=ScopeKind.PROGRAMME,
    window=WindowKind.MONTH,
    collect=collect_deployments,
    calculate=calculate_deployments,
    better=Better.CONTEXT,
    dimension=Dimension.ACTIVITY,
    is_value=False,
    guardrails=("held_deliveries", "change_fail_rate"),
    resists={"A3": f"{_TESTS}test_a_deployment_that_brings_nothing_new_counts_nothing"},
    readers="Programme lead, teams",
    withheld_from="nobody: a programme is no person",
)
