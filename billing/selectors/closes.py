"""Closes and corrections for pages, and the months that have something to close."""

from __future__ import annotations

import datetime as dt

from django.db.models import F, Max, QuerySet

from billing.models import CloseCorrection, Invoice, PeriodClose
from billing.policies import may_see_charges
from billing.selectors.choices_in_use import newest_month
from billing.selectors.close_checks import Checklist, checklists
from billing.selectors.closed_scopes import scope_of_close
from billing.selectors.invoices import NOW
from billing.selectors.reconciliation import Reconciliation, scope_of_invoice
from billing.selectors.trials import recorded_at
from portal.policies import AnyUser
from portal.shell.periods import BadPeriodError, Month
from portal.shell.statuses import FigureStatus


def closes_visible_to(user: AnyUser) -> QuerySet[PeriodClose]:
    """Every close, for those who answer for money."""
    if not may_see_charges(user):
        return PeriodClose.objects.none()
    return PeriodClose.objects.select_related("asked_by", "closed_by")


def corrections_visible_to(user: AnyUser) -> QuerySet[CloseCorrection]:
    """Every correction, with `moved_nano`: by how much the billed sum of its lines moved."""
    rows = CloseCorrection.objects.annotate(moved_nano=F("new_nano") - F("old_nano"))
    return rows if may_see_charges(user) else rows.none()


def statuses_of_correction(number: int) -> tuple[FigureStatus, FigureStatus]:
    """Of old and new: the first correction starts from the frozen figure, all else moved since."""
    old = FigureStatus.CLOSED if number == 1 else FigureStatus.RESTATED
    return old, FigureStatus.RESTATED


def invoices_of_close(close: PeriodClose) -> dict[str, int]:
    """By number, the versions of the invoices that a close froze. One query.

    The newest recorded before it; where none was, because a clock was set back, the oldest.
    """
    scope = scope_of_close(close)
    rows = Invoice.objects.filter(
        month=close.month,
        billing_account_id=close.billing_account_id,
        currency=close.currency,
    )
    found: dict[str, int] = {}
    for each in rows.order_by("recorded_at", "pk"):
        if scope_of_invoice(each) != scope:
            continue
        if each.number not in found or each.recorded_at <= close.closed_at:
            found[each.number] = each.pk
    return found


def month_to_close(*, now: dt.datetime, at: dt.datetime | None = None) -> Month | None:
    """The newest month with an invoice; else the newest with a cost; None before either.

    Never a month after that of `now` (UTC): what is billed in advance is not to be closed yet.

    Args:
        at: by the invoices that were in force at this moment; None is now.
    """
    current = Month.of(now.astimezone(dt.UTC).date())
    live = Invoice.objects.filter(NOW if at is None else recorded_at(at), month__lt=current.end)
    found: dt.date | None = live.aggregate(newest=Max("month"))["newest"]
    return Month.of(found) if found is not None else newest_month(until=now)


def checklists_for(
    user: AnyUser, month: Month, *, now: dt.datetime
) -> tuple[Reconciliation, list[Checklist]] | None:
    """A month and its checklists, for those who answer for money; None for others."""
    return checklists(month, now=now) if may_see_charges(user) else None


def checklist_by_key(
    user: AnyUser, key: str, *, now: dt.datetime
) -> tuple[Reconciliation, Checklist] | None:
    """The scope that a key names, within its month; None when there is none for this person."""
    try:
        month = Month.parse(key[:7])
    except BadPeriodError:
        return None
    read = checklists_for(user, month, now=now)
    if read is None:
        return None
    found, lists = read
    return next(((found, each) for each in lists if each.key == key), None)
