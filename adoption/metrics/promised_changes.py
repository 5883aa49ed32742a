"""Which changes were delivered for a promise: the link from a unit to a use case and its milestone.

A change is linked when somebody logged it as a delivery of a use case, not later than the survival
window after it arrived, and that use case had a milestone which was written down before the change
was merged, was not reached yet and not overdue. A milestone that was withdrawn promised nothing.
The log is a person's word with a name under it; a sign of AI, such as a trailer, links nothing.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple
from zoneinfo import ZoneInfo

from adoption.choices import DeliveryState, EnvironmentTier
from adoption.models import Delivery, Milestone
from portal.shell.periods import day_bounds

# As long as a unit may still be taken out. Whoever logs later knows already how it went.
LOGGED_WITHIN = dt.timedelta(days=21)


class Promise(NamedTuple):
    """When a milestone was open; the end is exclusive."""

    since: dt.datetime
    until: dt.datetime

    def was_open(self, at: dt.datetime) -> bool:
        """Whether it was a promise at that moment."""
        return self.since <= at < self.until


def promised_changes(
    service_ids: Sequence[int], since: dt.datetime, end: dt.datetime, as_of: dt.datetime
) -> frozenset[int]:
    """Changes first delivered by these services from `since` to `end` that were promised, by key,
    as far as was known at `as_of`; two queries."""
    rows = (
        Delivery.objects.filter(
            change__delivered_by__service_id__in=service_ids,
            change__delivered_by__tier=EnvironmentTier.PRODUCTION,
            change__delivered_at__gte=since,
            change__delivered_at__lt=end,
            claimed_at__lte=as_of,
        )
        .exclude(state=DeliveryState.REJECTED)
        .values_list(
            "change_id", "change__merged_at", "change__delivered_at", "claimed_at", "use_case_id"
        )
    )
    logged = [
        (change, merged, use_case)
        for change, merged, delivered, claimed, use_case in rows
        if merged is not None and delivered is not None and claimed < delivered + LOGGED_WITHIN
    ]
    promises = _promises({use_case for _, _, use_case in logged})
    return frozenset(
        change
        for change, merged, use_case in logged
        if change is not None and any(each.was_open(merged) for each in promises[use_case])
    )


def _promises(use_case_ids: set[int]) -> dict[int, list[Promise]]:
    found: dict[int, list[Promise]] = defaultdict(list)
    rows = Milestone.objects.filter(use_case_id__in=use_case_ids)
    for use_case, created, due, reached, zone in rows.values_list(
        "use_case_id", "created_at", "due_on", "reached_at", "use_case__programme__time_zone"
    ):
        over = day_bounds(due, ZoneInfo(zone))[1]
        found[use_case].append(Promise(created, min(over, reached) if reached else over))
    return found
