"""What moves money of a closed month is written down in the transaction that moves it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable

import structlog
from django.db.models import Q

from billing.approvals import CLOSE_KIND
from billing.choices import CorrectionCause
from billing.models import (
    AllocationRule,
    ChargeSlice,
    CloseCorrection,
    ClosedPart,
    PeriodClose,
    SpendOverlap,
)
from billing.selectors.close_figures import (
    Figures,
    figures_of,
    lines_nano,
    moves_between,
    residual_nano,
)
from billing.selectors.closed_scopes import ClosedScopes, scope_of_close
from billing.selectors.reconciliation import Reconciliation, reconcile
from portal.choices import ApprovalStatus
from portal.models import ApprovalRequest, ImportRun
from portal.services.work import enqueue
from portal.shell.periods import Month

RECHECK_CLOSES = "billing.recheck-closes"  # the kind of work
log = structlog.get_logger(__name__)


def correct_closes(
    *,
    months: Iterable[Month],
    cause: CorrectionCause,
    reason: str,
    at: dt.datetime,
    run: ImportRun | None = None,
) -> list[CloseCorrection]:
    """Compare every close of these billing months with what is there now.

    Call it within the transaction that moved money, after lines and allocations are written. The
    closed figures stay as they are; each difference to what was known last becomes a correction.
    """
    wanted = sorted({month.start for month in months})
    if not wanted:
        return []
    closes = list(PeriodClose.objects.filter(month__in=wanted).order_by("month", "pk"))
    found: list[CloseCorrection] = []
    known: dict[Month, Reconciliation] = {}
    by_scope = ClosedScopes(closes)
    for close in closes:
        month = Month.of(close.month)
        if month not in known:
            known[month] = reconcile(month)
        now = figures_of(by_scope.part_of(known[month], close), scope_of_close(close))
        correction = _difference(close, now, cause, reason, at, run)
        if correction is not None:
            found.append(correction)
    return CloseCorrection.objects.bulk_create(found)


def _difference(
    close: PeriodClose,
    now: Figures,
    cause: CorrectionCause,
    reason: str,
    at: dt.datetime,
    run: ImportRun | None,
) -> CloseCorrection | None:
    last = close.corrections.order_by("-number").first()
    before: Figures = close.figures if last is None else last.figures
    moves = moves_between(before, now)
    if not moves:
        return None
    log.warning("closed_month_corrected", close=close.key, cause=cause.value, moves=len(moves))
    return CloseCorrection(
        close=close,
        number=1 if last is None else last.number + 1,
        cause=cause,
        reason=reason[:300],
        run=run,
        old_nano=lines_nano(before),
        new_nano=lines_nano(now),
        residual_nano=residual_nano(now),
        moves=moves,
        figures=now,
        recorded_at=at,
    )


def recheck_later(*, at: dt.datetime) -> None:
    """Have requests that wait for a second person looked at again, where there are any.

    Later and not here, because a recheck takes the locks of a decision, and whoever moves money
    holds others. A decision in between finds the change by itself.
    """
    waiting = ApprovalRequest.objects.filter(kind=CLOSE_KIND, status=ApprovalStatus.PENDING)
    if waiting.exists():
        enqueue(kind=RECHECK_CLOSES, actor=None, at=at)


def billing_months(slices: Collection[int]) -> set[Month]:
    """The billing months of some slices that have a close; empty when nothing is closed there."""
    if not slices or not PeriodClose.objects.exists():
        return set()
    months: set[Month] = set()
    ids = sorted(slices)
    for start in range(0, len(ids), 500):
        days = ChargeSlice.objects.filter(pk__in=ids[start : start + 500]).values_list(
            "billing_period_start", flat=True
        )
        months |= {Month.of(day) for day in days}
    return months


def correct_after_import(*, run: ImportRun, slices: Collection[int], at: dt.datetime) -> None:
    """For the charge store: the slices that this run wrote."""
    months = billing_months(slices)
    if months:
        correct_closes(
            months=months,
            cause=CorrectionCause.IMPORT,
            reason=f"Import run {run.pk} of {run.connection.name} brought other lines.",
            at=at,
            run=run,
        )
    recheck_later(at=at)


def _why_anew(at: dt.datetime) -> str:
    """Which rules and which word about two sources have come or gone with this reallocation.

    Those of this moment, and those that were too large to be worked out at once and wait for it.
    """
    now = Q(created_at=at) | Q(retired_at=at) | Q(pending_since__isnull=False)
    rules: dict[str, str] = {}
    for rule in AllocationRule.objects.filter(now).order_by("version", "pk"):
        # An edit ends one version and makes the next: the newer one says it all.
        gone = ", retired" if rule.retired_at is not None else ""
        rules[rule.key] = f"{rule.name}, version {rule.version}{gone}"
    said = [
        f"{each.other.name} beside {each.counted.name}"
        for each in SpendOverlap.objects.filter(now).select_related("counted", "other")
    ]
    parts = []
    if rules:
        parts.append(f"by {'; '.join(sorted(rules.values()))}")
    if said:
        parts.append(f"for two sources with the same money: {'; '.join(sorted(said))}")
    return f"The lines were allocated anew {' and '.join(parts) or 'by other rules'}."


def mark_reallocated(
    *, connection_id: int, days: Collection[dt.date], at: dt.datetime
) -> list[CloseCorrection]:
    """For a reallocation of lines of some days (UTC), before the roll-ups of these are refreshed.

    Parts of a close whose money has moved are marked, so that pages say so.
    """
    slices = ChargeSlice.objects.filter(connection_id=connection_id, day__in=days)
    parts = ClosedPart.objects.filter(slice__in=slices)
    closes = list(parts.order_by().values_list("close_id", "close__month").distinct())
    corrections = correct_closes(
        months={Month.of(month) for _, month in closes},
        cause=CorrectionCause.REALLOCATION,
        reason=_why_anew(at) if closes else "",
        at=at,
    )
    moved = {each.close_id for each in corrections}
    if moved:
        parts.filter(close_id__in=moved, moved_at__isnull=True).update(moved_at=at)
    recheck_later(at=at)
    return corrections
