"""Invoices: the list, one beside its cost lines and where their money went, and its document."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest
from django.http.response import HttpResponseBase
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_safe

from billing.approvals import EXPLANATION_KIND, INVOICE_KIND, invoice_subject
from billing.filters.invoices import WITHDRAWN, InvoiceFilters
from billing.models import Charge, Invoice, InvoiceVariance
from billing.policies import may_keep_invoices, may_see_charges
from billing.selectors.as_of import TooManyChargesError
from billing.selectors.close_checks import Checklist
from billing.selectors.invoice_hands import origin_texts
from billing.selectors.invoices import (
    charge_page,
    destinations_of,
    invoice_for_page,
    invoices_visible_to,
    variances_of_invoice,
    versions_of_invoice,
    withdrawn_versions,
)
from billing.selectors.moments import moment_key
from billing.selectors.month_books import MonthBook, month_book
from billing.selectors.month_lines import Destination
from billing.selectors.past_invoices import (
    in_force_at,
    variances_recorded_at,
    versions_recorded_at,
)
from billing.selectors.reconciliation import Reconciled, scope_of_invoice
from billing.selectors.use_cases import UseCaseName, use_case_names
from billing.tables.closes import (
    DestinationTable,
    ExplanationTable,
    InvoiceLineTable,
    InvoiceTable,
    PartsTable,
    VersionsTable,
)
from billing.views.documents import document_download
from billing.views.lineage import reason_or_rule, rule_url
from billing.views.moments import NOT_WORKED_OUT, AskedMoment, AsOfListPage, asked_moment
from portal.models import ApprovalRequest
from portal.selectors.pending_approvals import pending_request
from portal.shell.formats import moment_text
from portal.shell.navigation import Visitor
from portal.shell.paging import Source
from portal.shell.periods import Month
from portal.shell.statuses import FigureStatus
from portal.shell.views import Action, Crumb, EmptyState


class InvoiceListPage(AsOfListPage):
    """Payable amounts, by CSV or by form; or those in force at a moment."""

    title = "Invoices"
    lead = "What has to be paid, as the documents state it. Costs are held against it."
    noun_plural = "invoices"
    export_name = "invoices"
    table_class = InvoiceTable
    filterset_class = InvoiceFilters

    def allows(self, user: Visitor) -> bool:
        return may_see_charges(user)  # type: ignore[arg-type]

    def get_queryset(self) -> Source:
        return invoices_visible_to(
            self.request.user,
            at=asked_moment(self.request).at,
            withdrawn=self.request.GET.get("state") == WITHDRAWN,
        )

    def make_table(self, source: Source) -> InvoiceTable:
        return InvoiceTable(source, query=self.request.GET, path=self.request.path, at=self.at)

    def get_breadcrumbs(self) -> Sequence[Crumb]:
        return [Crumb("Costs", reverse("costs"))]

    def get_actions(self) -> Sequence[Action]:
        if not may_keep_invoices(self.request.user):
            return ()
        return [Action("Enter an invoice", reverse("invoice-new"), is_primary=True)]

    def get_empty(self) -> EmptyState:
        text = "Enter one, or import a CSV of them through a connection of the source “Invoices”."
        if not may_keep_invoices(self.request.user):
            return EmptyState("No invoice yet", text)
        return EmptyState("No invoice yet", text, "Enter an invoice", reverse("invoice-new"))

    def get_past_empty(self, at: dt.datetime) -> EmptyState:
        return EmptyState("No invoice then", f"At {moment_text(at)} none was in force.")


def invoice_or_404(request: HttpRequest, pk: int) -> Invoice:
    """The invoice that an address names.

    Raises:
        PermissionDenied: payable amounts are not for this person.
        Http404: there is none.
    """
    if not may_see_charges(request.user):
        raise PermissionDenied
    invoice = invoice_for_page(request.user, pk)
    if invoice is None:
        raise Http404
    return invoice


def invoice_crumbs() -> list[Crumb]:
    """The pages above an invoice."""
    return [Crumb("Costs", reverse("costs")), Crumb("Invoices", reverse("invoices"))]


@require_safe
def invoice_page(request: HttpRequest, pk: int) -> HttpResponseBase:
    """One invoice: its parts, what was explained, where the money went, its lines; or as of a
    moment."""
    invoice = invoice_or_404(request, pk)
    asked = asked_moment(request)
    context: dict[str, Any] = {
        "page_title": f"Invoice {invoice.number}",
        "page_lead": f"{invoice.issuer}, {Month.of(invoice.month).label}",
        "breadcrumbs": invoice_crumbs(),
        "invoice": invoice,
        **asked.context,
    }
    if not asked.problem:
        context |= _shown(request, invoice, asked)
    return TemplateResponse(request, "billing/invoice_detail.html", context, status=asked.status)


def _shown(request: HttpRequest, invoice: Invoice, asked: AskedMoment) -> dict[str, Any]:
    """A version as it stands, or stood; why not, where it is not told."""
    at, now = asked.at, timezone.now()
    versions = versions_of_invoice(invoice) if at is None else versions_recorded_at(invoice, at)
    own = next((each for each in versions if each.pk == invoice.pk), None)
    if own is None:
        return {"refused": _not_yet(versions, at or now, asked.query)}
    try:
        book = month_book(Month.of(own.month), at=at, now=now)
        lists = book.checklists()
    except TooManyChargesError as error:
        return {"refused": EmptyState(NOT_WORKED_OUT, str(error))}
    return _told(request, own, versions, book, lists, asked)


def _not_yet(versions: Sequence[Invoice], at: dt.datetime, query: str) -> EmptyState:
    """Said of a version that was recorded after the moment."""
    before = in_force_at(versions)
    text = f"It was recorded after {moment_text(at)}."
    if before is None:
        return EmptyState("No such version then", f"{text} None was in force then.")
    url = f"{reverse('invoice', args=[before.pk])}{query}"
    return EmptyState("No such version then", text, "The version in force then", url)


def _told(
    request: HttpRequest,
    invoice: Invoice,
    versions: Sequence[Invoice],
    book: MonthBook,
    lists: Sequence[Checklist],
    asked: AskedMoment,
) -> dict[str, Any]:
    own = next((each for each in book.found.invoices if each.invoice.pk == invoice.pk), None)
    close = next((each for each in lists if each.scope == scope_of_invoice(invoice)), None)
    may_edit = may_keep_invoices(request.user) and own is not None and asked.at is None
    is_open = close is not None and close.close is None
    # What a corrected close leaves open can be explained; what ties stays as it was closed.
    may_explain = may_edit and (is_open or not (own is None or own.ties))
    withdrawn = withdrawn_versions(versions)
    statuses = {
        each.pk: status for each, status in zip(versions, book.stated(versions), strict=True)
    }
    explained = (
        variances_of_invoice(invoice)
        if asked.at is None
        else variances_recorded_at(invoice, asked.at)
    )
    context: dict[str, Any] = {
        "invoice": invoice,
        "reconciled": own,
        "is_withdrawn": invoice.pk in withdrawn,
        # What is no longer in force is found where it still was.
        "explained_at": moment_key(invoice.recorded_at) if invoice.superseded_at else asked.text,
        "close": close,
        "waiting": _waiting(invoice, asked.at),
        "may_explain": may_explain,
        "may_edit": may_edit,
        "explanations": ExplanationTable.of(
            [
                _explanation_row(each, invoice, statuses[invoice.pk], may_edit and is_open)
                for each in explained
            ]
        ),
        "versions": VersionsTable.of(
            [
                _version_row(each, statuses[each.pk], origin, each.pk in withdrawn)
                for each, origin in zip(versions, origin_texts(versions), strict=True)
            ]
        ),
    }
    return context if own is None else context | _lines_context(request, own, book, asked)


def _lines_context(
    request: HttpRequest, own: Reconciled, book: MonthBook, asked: AskedMoment
) -> dict[str, Any]:
    page = charge_page(own, after=request.GET.get("after", ""), live=book.live())
    places = destinations_of(own)
    names = use_case_names(each.place.use_case_id for each in places)
    address = f"{reverse('invoice', args=[own.invoice.pk])}{asked.query}"
    beyond = f"{address}{'&' if asked.query else '?'}after={page.following}"
    statuses = book.invoice_statuses(own)
    of_lines = book.of_charges(page.charges)
    return {
        "parts": PartsTable.of(part_rows(own, statuses.parts())),
        "destinations": DestinationTable.of(
            [
                destination_row(each.place, each.billed_nano, own.invoice.currency, names)
                | {"status": statuses.place(each.place)}
                for each in places
            ]
        ),
        "line_table": InvoiceLineTable.of(
            [_line_row(each, of_lines[each.pk]) for each in page.charges]
        ),
        "lines": own.lines,
        "is_first": "after" not in request.GET,
        "first_url": address,
        "next_url": beyond if page.following else "",
    }


def part_rows(own: Reconciled, statuses: Mapping[str, FigureStatus]) -> list[dict[str, Any]]:
    """The parts of an invoice in the order in which they sum to it."""
    stated = own.invoice
    rows = (
        ("allocated", "Allocated", own.allocated_nano, "to use cases, before tax and credits"),
        ("unallocated", "Unallocated", own.unallocated_nano, "what no rule takes"),
        ("tax", "Tax", own.tax_nano, "" if stated.tax_in_lines else "as the invoice states it"),
        ("credits", "Credits", own.credits_nano,
         "" if stated.credits_in_lines else "as the invoice states"),
        ("rounding", "Rounding", own.rounding_nano, "as stated, and as explained"),
        ("explained", "Explained", own.explained_nano, "differences that a person has explained"),
        ("accounted", "Together", own.accounted_nano, ""),
        ("total", "Invoice", stated.total_nano, "as the document states it"),
        ("residual", "Residual", own.residual_nano, "0 when it ties"),
    )  # fmt: skip
    return [
        {
            "part": part,
            "amount_nano": nano,
            "note": note,
            "currency": stated.currency,
            "status": statuses[key],
        }
        for key, part, nano, note in rows
    ]


def destination_row(
    place: Destination, nano: int, currency: str, names: Mapping[int, UseCaseName]
) -> dict[str, Any]:
    """One place that received money."""
    name = names.get(place.use_case_id or 0)
    return {
        "target": name.title if name else "Unallocated",
        "url": reverse("use-case", args=[name.slug]) if name else "",
        "cost_center": place.cost_center,
        "rule": reason_or_rule(place.rule_key, place.rule_version, place.reason),
        "rule_url": rule_url(place.rule_key or None),
        "billed_nano": nano,
        "currency": currency,
    }


def _line_row(charge: Charge, status: FigureStatus) -> dict[str, Any]:
    dimension = charge.dimension
    return {
        "pk": charge.pk,
        "charge": f"Charge {charge.pk}",
        "day": charge.day,
        "service": dimension.service_name,
        "description": dimension.charge_description,
        "category": dimension.charge_category,
        "billed_nano": charge.billed_nano,
        "effective_nano": charge.effective_nano,
        "currency": charge.currency,
        "origin": f"{charge.file.name}, line {charge.line}",
        "status": status,
    }


def _waiting(invoice: Invoice, at: dt.datetime | None) -> list[ApprovalRequest]:
    """What is, or was, asked for about an invoice of a closed month. Two queries."""
    subject = invoice_subject(invoice.issuer, invoice.number)
    kinds = (INVOICE_KIND, EXPLANATION_KIND)
    found = [pending_request(kind, subject, at=at) for kind in kinds]
    return [each for each in found if each is not None]


def _explanation_row(
    each: InvoiceVariance, invoice: Invoice, status: FigureStatus, may_withdraw: bool
) -> dict[str, Any]:
    """An explanation is as settled as the invoice; a withdrawn one counts no more."""
    in_force = each.withdrawn_at is None
    return {
        "reason": each.get_reason_display(),
        "note": each.note,
        "amount_nano": each.amount_nano,
        "currency": invoice.currency,
        "status": status if in_force else FigureStatus.RESTATED,
        "who": str(each.recorded_by),
        "recorded_at": each.recorded_at,
        "state": "in force" if in_force else f"withdrawn by {each.withdrawn_by}",
        "url": reverse("explanation-withdraw", args=[each.pk]) if in_force and may_withdraw else "",
    }


def _version_row(
    each: Invoice, status: FigureStatus, origin: str, is_withdrawn: bool
) -> dict[str, Any]:
    gone = "withdrawn" if is_withdrawn else "superseded"
    return {
        "recorded_at": each.recorded_at,
        "total_nano": each.total_nano,
        "currency": each.currency,
        "status": status,
        "origin": origin,
        "state": gone if each.superseded_at else "live",
    }


@require_safe
def invoice_document(request: HttpRequest, pk: int) -> HttpResponseBase:
    """The attached document as a download; its bytes are what its hash says, or nothing is sent."""
    invoice = invoice_or_404(request, pk)
    if not invoice.document_sha256:
        raise Http404
    return document_download(request, sha256=invoice.document_sha256, name=invoice.document_name)
