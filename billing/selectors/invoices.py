"""Invoices: the list, one with its versions, and the cost lines that stand on it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from django.db.models import Exists, F, OuterRef, Q, QuerySet

from billing.approvals import INVOICE_KIND
from billing.models import Allocation, Charge, Invoice, InvoiceVariance
from billing.policies import may_see_charges
from billing.selectors.month_lines import Destination, LineKey
from billing.selectors.reconciliation import Reconciled, reconcile
from billing.selectors.references import BadReferenceError
from billing.selectors.trials import recorded_at
from portal.choices import ApprovalStatus
from portal.models import ApprovalRequest
from portal.policies import AnyUser
from portal.shell.periods import Month

INVOICE_PREFIX = "invoice:"
LINES_ON_A_PAGE = 50
NOW = Q(superseded_at__isnull=True)  # what is in force


def invoices_visible_to(
    user: AnyUser | None, *, at: dt.datetime | None = None, withdrawn: bool = False
) -> QuerySet[Invoice]:
    """Live invoices; payable amounts are for those who answer for money. None is the operator.

    Args:
        at: those that were in force at this moment; None is now.
        withdrawn: instead, the last versions of those that were taken back and not entered again.
    """
    if user is not None and not may_see_charges(user):
        return Invoice.objects.none()
    if withdrawn:
        return _withdrawn_at(at)
    return Invoice.objects.filter(NOW if at is None else recorded_at(at))


def _withdrawn_at(at: dt.datetime | None) -> QuerySet[Invoice]:
    """A version is the last one when none was recorded after it; of then, by then."""
    gone = Q(superseded_at__isnull=False) if at is None else Q(superseded_at__lte=at)
    known = Q() if at is None else Q(recorded_at__lte=at)
    newer = Invoice.objects.filter(
        known, issuer__iexact=OuterRef("issuer"), number=OuterRef("number"), pk__gt=OuterRef("pk")
    )
    return Invoice.objects.filter(gone, ~Exists(newer))


def invoice_for_page(user: AnyUser | None, pk: int) -> Invoice | None:
    """One version of an invoice, live or superseded, or None."""
    if user is not None and not may_see_charges(user):
        return None
    return Invoice.objects.select_related("entered_by", "run", "file").filter(pk=pk).first()


def versions_of_invoice(invoice: Invoice) -> list[Invoice]:
    """Every version of it, newest first."""
    rows = Invoice.objects.filter(issuer__iexact=invoice.issuer, number=invoice.number)
    return list(rows.select_related("entered_by", "run", "file").order_by("-recorded_at", "-pk"))


def withdrawn_versions(versions: Sequence[Invoice]) -> set[int]:
    """Keys of those that were taken back: nothing was in force after them.

    Args:
        versions: every version of one invoice, newest first.
    """
    followed = zip(versions, [None, *versions], strict=False)
    return {
        each.pk
        for each, newer in followed
        if each.superseded_at is not None
        and (newer is None or newer.recorded_at > each.superseded_at)
    }


def variances_of_invoice(invoice: Invoice) -> list[InvoiceVariance]:
    """What was explained about this version, withdrawn explanations included."""
    rows = InvoiceVariance.objects.filter(invoice=invoice)
    return list(rows.select_related("recorded_by", "withdrawn_by").order_by("pk"))


def invoice_by_reference(text: str, *, at: dt.datetime | None = None) -> Invoice:
    """The invoice in force that `invoice:NUMBER` or `invoice:ISSUER/NUMBER` names.

    Args:
        at: the version that was in force at this moment; None is now.

    Raises:
        BadReferenceError: there is none, or several have the number.
    """
    name = text.removeprefix(INVOICE_PREFIX)
    rows = invoices_visible_to(None, at=at)
    found = list(rows.filter(number=name)[:2])
    if not found and "/" in name:
        wanted = Q()
        pieces = name.split("/")
        for place in range(1, len(pieces)):
            issuer, number = "/".join(pieces[:place]), "/".join(pieces[place:])
            wanted |= Q(issuer__iexact=issuer, number=number)
        found = list(rows.filter(wanted)[:2])
    if not found:
        then = "" if at is None else f" in force at {at.isoformat()}"
        raise BadReferenceError(f"there is no invoice {name!r}{then}")
    if len(found) > 1:
        issuers = " and ".join(sorted(each.issuer for each in found))
        raise BadReferenceError(
            f"{issuers} both have an invoice {name!r}; expected invoice:ISSUER/NUMBER"
        )
    return found[0]


def reconciled_invoice(invoice: Invoice) -> Reconciled | None:
    """The invoice beside its cost lines; None for a superseded version."""
    for each in reconcile(Month.of(invoice.month)).invoices:
        if each.invoice.pk == invoice.pk:
            return each
    return None


class LineAmount(NamedTuple):
    """What one place received of an invoice, in nano-units."""

    place: Destination
    billed_nano: int


def destinations_of(found: Reconciled) -> list[LineAmount]:
    """Every place where the money of its lines went, largest first; they sum to `lines_nano`."""
    places = [LineAmount(place, nano) for place, nano in found.went_to().items()]
    return sorted(places, key=lambda each: (-abs(each.billed_nano), str(each.place)))


def charges_of(found: Reconciled, live: Q = NOW) -> QuerySet[Charge]:
    """The cost lines that are counted for an invoice: those in force, or that were (`live`)."""
    keys = {group.key for group in found.groups}
    month = Month.of(found.invoice.month)
    wanted = Q(pk__in=[])
    for key in keys:
        wanted |= _of_key(key)
    return Charge.objects.filter(
        wanted,
        live,
        slice__billing_period_start__gte=month.start,
        slice__billing_period_start__lt=month.end,
    )


def _of_key(key: LineKey) -> Q:
    return Q(
        slice__connection_id=key.connection_id,
        slice__billing_account_id=key.account,
        dimension__invoice_issuer=key.invoice_issuer,
        dimension__provider=key.provider,
        dimension__invoice_id=key.invoice_id,
        dimension__charge_category=key.category,
        currency=key.currency,
        cost_basis=key.basis,
    )


@dataclass(frozen=True, slots=True)
class ChargePage:
    """Some cost lines of an invoice, and after which the next ones start."""

    charges: list[Charge]
    following: str


def charge_page(
    found: Reconciled, *, after: str = "", limit: int = LINES_ON_A_PAGE, live: Q = NOW
) -> ChargePage:
    """A page of its lines by day; one query."""
    rows = charges_of(found, live).select_related("dimension", "file").order_by("day", "pk")
    day, _, number = after.partition(".")
    try:
        start = dt.date.fromisoformat(day)
        rows = rows.filter(day__gte=start).exclude(day=start, pk__lte=int(number))
    except ValueError:
        pass  # no place to start after: from the beginning
    lines = list(rows[: limit + 1])
    last = lines[limit - 1] if len(lines) > limit else None
    return ChargePage(lines[:limit], f"{last.day.isoformat()}.{last.pk}" if last else "")


INVOICE_LINE_ORDER = ("day", "charge_id", "id")


def allocations_of_invoice(found: Reconciled) -> QuerySet[Allocation, Any]:
    """Every part of every line of an invoice, in the order of `INVOICE_LINE_ORDER`."""
    parts: QuerySet[Allocation, Any] = (
        Allocation.objects.filter(charge__in=charges_of(found))
        .order_by(*INVOICE_LINE_ORDER)
        .values(
            "id",
            "charge_id",
            "day",
            "use_case_id",
            "billed_nano",
            "effective_nano",
            "unallocated_reason",
            "rule__key",
            "rule__version",
            "charge__currency",
            "charge__billed_nano",
            "charge__file__name",
            "charge__line",
            "charge__run_id",
            slice_id=F("charge__slice_id"),
            issuer=F("charge__dimension__invoice_issuer"),
            provider=F("charge__dimension__provider"),
            invoice_id=F("charge__dimension__invoice_id"),
            basis=F("charge__cost_basis"),
        )
    )
    return parts


def document_hashes() -> list[str]:
    """Hashes of every document that was ever attached, or waits with its invoice for a second
    person: a backup packs them."""
    rows = Invoice.objects.exclude(document_sha256="").order_by()
    asked = ApprovalRequest.objects.filter(kind=INVOICE_KIND, status=ApprovalStatus.PENDING)
    papers = [each.payload.get("document") for each in asked]
    return [
        *rows.values_list("document_sha256", flat=True).distinct(),
        *(paper["sha256"] for paper in papers if paper),
    ]
