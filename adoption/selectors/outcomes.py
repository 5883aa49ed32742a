"""Accepted outcomes of a window: what was delivered in it and survived."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass

from django.db.models import Count, F, Q

from adoption.choices import DeliveryState
from adoption.models import Delivery

SURVIVAL = dt.timedelta(days=30)


@dataclass(frozen=True, slots=True)
class AcceptedOutcomes:
    """Of one use case: how many outcomes, and by how many different people."""

    count: int
    people: int


def accepted_outcomes(
    use_case_ids: Iterable[int], *, since: dt.datetime, until: dt.datetime, as_of: dt.datetime
) -> dict[int, AcceptedOutcomes]:
    """Deliveries that reached production in the window and survived 30 days, and work that is not
    code and was confirmed by a reviewer in the window. Half-open, UTC; one query.

    What has not had its 30 days by `as_of` does not count yet. A use case without any is left out.
    """
    code = Q(
        state=DeliveryState.HELD,
        deployed_at__gte=since,
        deployed_at__lt=until,
        deployed_at__lte=as_of - SURVIVAL,
    )
    undone = Q(reverted_at__isnull=False, reverted_at__lt=F("deployed_at") + SURVIVAL)
    other = Q(
        state=DeliveryState.CONFIRMED,
        reviewed_at__gte=since,
        reviewed_at__lt=until,
        reviewed_at__lte=as_of,
    )
    rows = (
        Delivery.objects.filter((code & ~undone) | other, use_case_id__in=list(use_case_ids))
        .order_by()
        .values_list("use_case_id")
        .annotate(count=Count("pk"), people=Count("claimed_by", distinct=True))
    )
    return {pk: AcceptedOutcomes(count, people) for pk, count, people in rows}
