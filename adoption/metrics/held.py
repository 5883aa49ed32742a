"""What counts as held, and when: one rule for a moment, a week and a month.

A delivery counts from the moment at which it had been in production for the survival window without
being undone, or at which its reviewer confirmed it (work that is not code). What is undone later is
in another state and counts no more, whichever window it counted in before.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from django.db.models import F, Q
from django.db.models.functions import Coalesce

from adoption.choices import DeliveryState
from adoption.metrics.windows import Window
from adoption.models import Delivery

USE_CASE, PROGRAMME = "use_case_id", "use_case__programme_id"


class Held(NamedTuple):
    """One delivery that counts. `person_id` is for counting how many there are, never for naming
    one."""

    pk: int
    state: str
    person_id: int
    at: dt.datetime


def came_to_hold(
    ids: Iterable[int], *, of: str, as_of: dt.datetime, window: Window | None = None
) -> Mapping[int, list[Held]]:
    """Deliveries that came to hold by `as_of`, within the window if there is one; in one query.

    Args:
        ids: of what `of` names, `USE_CASE` or `PROGRAMME`.
        as_of: what happened at this very moment counts.
        window: half-open. None: since the beginning.

    Returns:
        by id, oldest delivery first; one that has none is empty.
    """
    rows = Delivery.objects.filter(
        Q(state=DeliveryState.HELD, held_at__isnull=False)
        | Q(state=DeliveryState.CONFIRMED, reviewed_at__isnull=False),
        **{f"{of}__in": list(ids)},
    ).annotate(counts_at=Coalesce("held_at", "reviewed_at"), owner=F(of))
    rows = rows.filter(counts_at__lte=as_of)
    if window is not None:
        rows = rows.filter(counts_at__gte=window.starts_at, counts_at__lt=window.ends_at)
    found: dict[int, list[Held]] = defaultdict(list)
    for owner, pk, state, person_id, at in rows.order_by("pk").values_list(
        "owner", "pk", "state", "claimed_by_id", "counts_at"
    ):
        found[owner].append(Held(pk, state, person_id, at))
    return found
