"""Saying that two sources bring the same money, and which of them counts."""

from __future__ import annotations

import datetime as dt

import structlog
from django.db import transaction
from django.db.models import Q

from billing.models import Charge, SpendOverlap
from billing.policies import may_settle_overlaps
from billing.selectors.overlaps import bases_of
from billing.services.reallocations import reallocate_by_month, reallocate_charges
from portal.choices import ImportKind
from portal.models import Connection, User
from portal.services.work import enqueue
from portal.shell.periods import Month

log = structlog.get_logger(__name__)
SMALL = 20_000  # charges that a person waits for
PENDING_OVERLAPS = "billing.apply-overlaps"  # the kind of work that does the rest


class OverlapRefusedError(ValueError):
    """It cannot be said like this. `field` names what to change, `reason` says why."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(reason)
        self.field = field
        self.reason = reason


@transaction.atomic
def declare_overlap(
    *,
    counted: Connection,
    other: Connection,
    first: Month,
    last: Month | None,
    provider: str = "",
    reason: str,
    actor: User,
    at: dt.datetime,
) -> SpendOverlap:
    """Say that `other` covers the same spend as `counted`, which is the one that counts.

    Where both have money of one basis, what `other` brings in those months (UTC, both included) is
    in no sum from now on. Where their bases differ, it is only said: they are never added anyway.

    Raises:
        OverlapRefusedError: it makes no sense, or is not this person's to say.
    """
    if not may_settle_overlaps(actor):
        raise OverlapRefusedError("", "Only finance says which source counts.")
    _check(counted, other, first, last, reason)
    end = last.end if last else None
    _check_others(counted, other, provider, first.start, end)
    sources = [
        bases_of(each.pk, provider=name, start=first.start, end=end)
        for each, name in ((counted, ""), (other, provider))
    ]
    if not sources[1]:
        raise OverlapRefusedError("other", "It brings nothing of that in these months.")
    overlap = SpendOverlap.objects.create(
        counted=counted,
        other=other,
        provider=provider,
        starts_on=first.start,
        ends_on=end,
        is_excluded=bool(sources[0] & sources[1]),
        reason=reason.strip()[:500],
        created_by=actor,
        created_at=at,
    )
    log.info("spend_overlap_declared", overlap=overlap.pk, excluded=overlap.is_excluded)
    _settle(overlap, at=at)
    return overlap


@transaction.atomic
def end_overlap(*, overlap_id: int, reason: str, actor: User, at: dt.datetime) -> SpendOverlap:
    """Take it back: what was not counted is counted again.

    Raises:
        OverlapRefusedError: no reason is given, or somebody was faster.
    """
    if not may_settle_overlaps(actor):
        raise OverlapRefusedError("", "Only finance says which source counts.")
    if not reason.strip():
        raise OverlapRefusedError("reason", "Say why; it stays with it.")
    changed = SpendOverlap.objects.filter(pk=overlap_id, retired_at__isnull=True).update(
        retired_at=at, retired_by=actor, retired_reason=reason.strip()[:500]
    )
    if not changed:
        raise OverlapRefusedError("", "Somebody has taken it back already.")
    overlap = SpendOverlap.objects.get(pk=overlap_id)
    log.info("spend_overlap_ended", overlap=overlap.pk)
    _settle(overlap, at=at)
    return overlap


def _check(
    counted: Connection, other: Connection, first: Month, last: Month | None, reason: str
) -> None:
    if counted.pk == other.pk:
        raise OverlapRefusedError("other", "Choose two different sources.")
    for name, each in (("counted", counted), ("other", other)):
        if each.kind != ImportKind.COSTS:
            raise OverlapRefusedError(name, "That is no source of costs.")
    if last is not None and last < first:
        raise OverlapRefusedError("last", "It must end after it starts.")
    if not reason.strip():
        raise OverlapRefusedError("reason", "Say how you know; it stays with it.")


def _check_others(
    counted: Connection, other: Connection, provider: str, start: dt.date, end: dt.date | None
) -> None:
    """The same money must be counted once: no second word about it, and no chain."""
    same_days = Q(ends_on__isnull=True) | Q(ends_on__gt=start)
    if end is not None:
        same_days &= Q(starts_on__lt=end)
    if provider:
        same_days &= Q(provider="") | Q(provider=provider)
    live = SpendOverlap.objects.select_for_update().filter(same_days, retired_at__isnull=True)
    if live.filter(other=other).exists():
        raise OverlapRefusedError("other", "In these months another source counts for it already.")
    if live.filter(other=counted).exists():
        raise OverlapRefusedError("counted", "In these months it does not count itself.")
    if live.filter(counted=other).exists():
        raise OverlapRefusedError("other", "In these months it counts for another source.")


def _reach(overlap: SpendOverlap) -> Q:
    reach = Q(slice__connection_id=overlap.other_id, day__gte=overlap.starts_on)
    return reach & Q(day__lt=overlap.ends_on) if overlap.ends_on else reach


def _settle(overlap: SpendOverlap, *, at: dt.datetime) -> None:
    """Allocate anew what the word reaches: now when it is little, else later."""
    if not overlap.is_excluded:
        return
    charges = Charge.objects.filter(_reach(overlap), superseded_at__isnull=True)
    if charges.order_by()[: SMALL + 1].count() <= SMALL:
        reallocate_charges(charges, at=at)
        return
    overlap.pending_since = at
    overlap.save(update_fields=["pending_since"])
    enqueue(kind=PENDING_OVERLAPS, actor=None, at=at)


def apply_pending_overlaps(*, at: dt.datetime) -> dict[str, int]:
    """Work out what was too much at once, a month in each transaction. Safe to repeat.

    Returns charges by connection slug.
    """
    pending = list(SpendOverlap.objects.filter(pending_since__isnull=False).order_by("pk"))
    if not pending:
        return {}
    affected = Q()
    for each in pending:
        affected |= _reach(each)
    counts = reallocate_by_month(affected, at=at)
    for each in pending:
        # One that was taken back meanwhile has become pending again, and stays so.
        SpendOverlap.objects.filter(pk=each.pk, pending_since=each.pending_since).update(
            pending_since=None
        )
    return counts
