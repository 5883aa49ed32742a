"""Saying that two sources bring the same money, and which of them counts."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import structlog
from django.db import transaction
from django.db.models import Q, QuerySet

from billing.models import Charge, ClosedPart, SpendOverlap
from billing.policies import may_settle_overlaps
from billing.selectors.overlaps import bases_of
from billing.services.reallocations import reallocate_by_month, reallocate_charges
from portal.choices import ImportKind
from portal.models import ApprovalRequest, Connection, User
from portal.services.work import enqueue
from portal.shell.periods import Month

log = structlog.get_logger(__name__)
SMALL = 20_000  # charges that a person waits for
_CLOSED = "It moves money of a closed month, so another person must approve it."
_GONE = "Somebody has taken it back already."
PENDING_OVERLAPS = "billing.apply-overlaps"  # the kind of work that does the rest


class OverlapRefusedError(ValueError):
    """It cannot be said like this. `field` names what to change, `reason` says why."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(reason)
        self.field = field
        self.reason = reason


@dataclass(frozen=True, slots=True, kw_only=True)
class OverlapDraft:
    """What somebody says: `other` covers the same spend as `counted`, which is the one that counts.

    Months are UTC, both included; without `last` it goes on. Without `provider` it is everything
    that `other` brings. With `is_distinct` it is the opposite: they look alike, and both count.
    """

    counted: Connection
    other: Connection
    first: Month
    last: Month | None = None
    provider: str = ""
    reason: str = ""
    is_distinct: bool = False

    @property
    def end(self) -> dt.date | None:
        """The first day after it."""
        return self.last.end if self.last else None


@transaction.atomic
def declare_overlap(
    *,
    draft: OverlapDraft,
    actor: User,
    at: dt.datetime,
    approval: ApprovalRequest | None = None,
) -> SpendOverlap:
    """Say that two sources overlap.

    Where both have money of one basis, what `other` brings in those months is in no sum from now
    on. Where their bases differ, it is only said: they are never added anyway.

    Raises:
        OverlapRefusedError: it makes no sense, is not this person's to say, or moves money of a
            closed month, which takes the approval of another person.
    """
    is_excluded = check_draft(draft, actor)
    if approval is None and is_excluded and closed_parts_of(draft).exists():
        raise OverlapRefusedError("", _CLOSED)
    overlap = SpendOverlap.objects.create(
        counted=draft.counted,
        other=draft.other,
        provider=draft.provider,
        starts_on=draft.first.start,
        ends_on=draft.end,
        is_excluded=is_excluded,
        is_distinct=draft.is_distinct,
        reason=draft.reason.strip()[:500],
        created_by=actor,
        created_at=at,
    )
    log.info("spend_overlap_declared", overlap=overlap.pk, excluded=overlap.is_excluded)
    _settle(overlap, at=at)
    return overlap


@transaction.atomic
def end_overlap(
    *,
    overlap_id: int,
    reason: str,
    actor: User,
    at: dt.datetime,
    approval: ApprovalRequest | None = None,
) -> SpendOverlap:
    """Take it back: what was not counted is counted again.

    Raises:
        OverlapRefusedError: no reason is given, somebody was faster, or it moves money of a closed
            month, which takes the approval of another person.
    """
    known = check_end(overlap_id, reason, actor)
    if approval is None and known.is_excluded and closed_parts_of(draft_of(known)).exists():
        raise OverlapRefusedError("", _CLOSED)
    changed = SpendOverlap.objects.filter(pk=overlap_id, retired_at__isnull=True).update(
        retired_at=at, retired_by=actor, retired_reason=reason.strip()[:500]
    )
    if not changed:
        raise OverlapRefusedError("", _GONE)
    overlap = SpendOverlap.objects.get(pk=overlap_id)
    log.info("spend_overlap_ended", overlap=overlap.pk)
    _settle(overlap, at=at)
    return overlap


def draft_of(overlap: SpendOverlap) -> OverlapDraft:
    """What was said, as it was said."""
    return OverlapDraft(
        counted=overlap.counted,
        other=overlap.other,
        first=Month.of(overlap.starts_on),
        last=Month.of(overlap.ends_on) - 1 if overlap.ends_on else None,
        provider=overlap.provider,
        reason=overlap.reason,
        is_distinct=overlap.is_distinct,
    )


def closed_parts_of(draft: OverlapDraft) -> QuerySet[ClosedPart]:
    """Lines of `other` that a close has frozen and whose money it moves in or out of sums."""
    parts = ClosedPart.objects.filter(
        slice__connection_id=draft.other.pk, slice__day__gte=draft.first.start
    )
    if draft.end is not None:
        parts = parts.filter(slice__day__lt=draft.end)
    return parts.filter(provider=draft.provider) if draft.provider else parts


def check_draft(draft: OverlapDraft, actor: User) -> bool:
    """Whether sums leave something out because of it.

    Raises:
        OverlapRefusedError: it makes no sense, or is not this person's to say.
    """
    if not may_settle_overlaps(actor):
        raise OverlapRefusedError("", "Only finance says which source counts.")
    _check(draft.counted, draft.other, draft.first, draft.last, draft.reason)
    start, end = draft.first.start, draft.end
    _check_contrary(draft)
    if draft.is_distinct:
        return False
    _check_others(draft.counted, draft.other, draft.provider, start, end)
    sources = [
        bases_of(each.pk, provider=name, start=start, end=end)
        for each, name in ((draft.counted, ""), (draft.other, draft.provider))
    ]
    if not sources[1]:
        raise OverlapRefusedError("other", "It brings nothing of that in these months.")
    return bool(sources[0] & sources[1])


def check_end(overlap_id: int, reason: str, actor: User) -> SpendOverlap:
    """The overlap that is to be taken back.

    Raises:
        OverlapRefusedError: no reason is given, somebody was faster, or it is not this person's.
    """
    if not may_settle_overlaps(actor):
        raise OverlapRefusedError("", "Only finance says which source counts.")
    if not reason.strip():
        raise OverlapRefusedError("reason", "Say why; it stays with it.")
    live = SpendOverlap.objects.select_related("counted", "other")
    known = live.filter(pk=overlap_id, retired_at__isnull=True).first()
    if known is None:
        raise OverlapRefusedError("", _GONE)
    return known


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


def _check_contrary(draft: OverlapDraft) -> None:
    """The same days of two sources are not said to be the same money and different money."""
    either = Q(counted=draft.counted, other=draft.other)
    either |= Q(counted=draft.other, other=draft.counted)
    live = _live(draft.provider, draft.first.start, draft.end)
    if live.filter(either, is_distinct=not draft.is_distinct).exists():
        said = "the same" if draft.is_distinct else "different"
        raise OverlapRefusedError(
            "other", f"In these months it is said to be {said} money; take that back first."
        )


def _live(provider: str, start: dt.date, end: dt.date | None) -> QuerySet[SpendOverlap]:
    """What holds of some of these days, locked."""
    same_days = Q(ends_on__isnull=True) | Q(ends_on__gt=start)
    if end is not None:
        same_days &= Q(starts_on__lt=end)
    if provider:
        same_days &= Q(provider="") | Q(provider=provider)
    return SpendOverlap.objects.select_for_update().filter(same_days, retired_at__isnull=True)


def _check_others(
    counted: Connection, other: Connection, provider: str, start: dt.date, end: dt.date | None
) -> None:
    """The same money must be counted once: no second word about it, and no chain."""
    live = _live(provider, start, end).filter(is_distinct=False)
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
