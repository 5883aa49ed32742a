"""Whether anything was delivered for a use case in a stretch of time; never by whom."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection

from django.db.models import Count

from adoption.choices import DeliveryState
from adoption.models import Delivery


def deliveries_claimed_between(
    use_case_ids: Collection[int], *, start: dt.datetime, end: dt.datetime
) -> dict[int, int]:
    """By use case, deliveries claimed from `start` up to, not including, `end` (aware moments).

    Rejected ones are left out, and so are use cases without any. One query.
    """
    rows = (
        Delivery.objects.filter(
            use_case_id__in=use_case_ids, claimed_at__gte=start, claimed_at__lt=end
        )
        .exclude(state=DeliveryState.REJECTED)
        .order_by()
        .values_list("use_case_id")
        .annotate(count=Count("pk"))
    )
    return dict(rows)
