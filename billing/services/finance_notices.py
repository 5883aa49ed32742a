"""Telling those who answer for money what they would else have to look for: each occasion once.

Only what is new is told: somebody who becomes finance partner today is not told of last year.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from django.db.models import Exists, OuterRef

from billing.addresses import corrections_address, invoice_address
from billing.models import CloseCorrection, Invoice
from billing.selectors.reconciliation import Reconciled, reconcile
from portal.choices import Role
from portal.models import Notice, RoleGrant, User
from portal.services.notices import notify
from portal.shell.formats import nano_money_text
from portal.shell.money import NANO_PER_UNIT
from portal.shell.periods import Month

TOLD_FOR = dt.timedelta(days=14)  # what is older is history
_MONTHS_LOOKED_AT = 3
LEAST = 50 * NANO_PER_UNIT  # of the invoice's currency
_SHARE = 200  # one in so many of the invoice: 0.5 %


def tell_news(*, at: dt.datetime) -> list[Notice]:
    """Tell every finance partner of corrections of closed months and of new invoices.

    Returns the notices that are new.
    """
    partners = finance_partners()
    return [*_tell_corrections(partners, at), *_tell_invoices(partners, at)]


def tell_differences(*, at: dt.datetime) -> list[Notice]:
    """Tell every finance partner of invoices whose lines are here and leave much open.

    Each version of an invoice once, of this month and the two before it. Five queries a month.
    """
    partners = finance_partners()
    return [
        notice
        for month in months_worked_on(at)
        for found in reconcile(month).invoices
        if found.lines and is_large(found)
        for notice in _tell_difference(partners, month, found, at)
    ]


def months_worked_on(at: dt.datetime) -> list[Month]:
    """The month of a moment (UTC) and those before it that are still worked on."""
    newest = Month.of(at.astimezone(dt.UTC).date())
    return [newest - back for back in reversed(range(_MONTHS_LOOKED_AT))]


def finance_partners() -> list[User]:
    """Everybody who is told, by number."""
    ids = RoleGrant.objects.filter(role=Role.FINANCE).values("user_id")
    return list(User.objects.filter(pk__in=ids, is_active=True).order_by("pk"))


def _tell_corrections(partners: Sequence[User], at: dt.datetime) -> list[Notice]:
    rows = CloseCorrection.objects.filter(recorded_at__gt=at - TOLD_FOR, recorded_at__lte=at)
    told: list[Notice] = []
    for each in rows.select_related("close").order_by("pk"):
        close, currency = each.close, each.close.currency
        old, new = (nano_money_text(nano, currency) for nano in (each.old_nano, each.new_nano))
        told += notify(
            users=partners,
            key=f"billing.correction:{each.pk}",
            title=f"{close.issuer}, {Month.of(close.month).label}: a closed month was corrected",
            text=f"{each.reason} Its cost lines came to {old} and come to {new} now; "
            f"{nano_money_text(each.residual_nano, currency)} is not explained.",
            link=corrections_address(),
            at=at,
        )
    return told


def _tell_invoices(partners: Sequence[User], at: dt.datetime) -> list[Notice]:
    """A later version of an invoice is no new one; whoever entered it knows. Invoices of years that
    are brought at once are no news either."""
    rows = Invoice.objects.filter(
        superseded_at__isnull=True,
        recorded_at__gt=at - TOLD_FOR,
        month__gte=months_worked_on(at)[0].start,
    )
    earlier = Invoice.objects.filter(
        issuer=OuterRef("issuer"), number=OuterRef("number"), superseded_at__isnull=False
    )
    told: list[Notice] = []
    for each in rows.exclude(Exists(earlier)).order_by("pk"):
        amount = nano_money_text(each.total_nano, each.currency)
        told += notify(
            users=[user for user in partners if user.pk != each.entered_by_id],
            key=f"billing.invoice:{each.pk}",
            title=f"New invoice: {each.issuer} {each.number}",
            text=f"{amount} for {Month.of(each.month).label}.",
            link=invoice_address(each.pk),
            at=at,
        )
    return told


def _tell_difference(
    partners: Sequence[User], month: Month, found: Reconciled, at: dt.datetime
) -> list[Notice]:
    invoice = found.invoice
    left, total, lines = (
        nano_money_text(nano, invoice.currency)
        for nano in (found.residual_nano, invoice.total_nano, found.lines_nano)
    )
    return notify(
        users=partners,
        key=f"billing.difference:{invoice.pk}",
        title=f"{invoice.issuer} {invoice.number}: {left} is not explained",
        text=f"{month.label}: {total} to pay, cost lines of {lines}.",
        link=invoice_address(invoice.pk),
        at=at,
    )


def is_large(found: Reconciled) -> bool:
    """Whether what an invoice leaves open is above 0.5 % of it and above 50 of its currency."""
    return abs(found.residual_nano) > max(LEAST, abs(found.invoice.total_nano) // _SHARE)
