"""Reconciliation of a month, its close checklist, asking for a close, and what was frozen."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from billing.filters.invoices import CorrectionFilters
from billing.forms.invoices import CloseRequestForm, MonthForm
from billing.models import CloseCorrection, PeriodClose
from billing.policies import may_ask_for_close, may_see_charges
from billing.selectors.close_checks import Checklist
from billing.selectors.close_figures import lines_nano
from billing.selectors.closes import (
    checklist_by_key,
    checklists_for,
    closes_visible_to,
    corrections_visible_to,
    invoices_of_close,
    month_to_close,
)
from billing.selectors.exchange import rates_between, reporting_currencies
from billing.selectors.invoice_status import month_statuses
from billing.selectors.open_suspicions import source_names, suspicions_in
from billing.selectors.reconciliation import Reconciliation
from billing.selectors.references import FigureReference
from billing.selectors.uninvoiced import uninvoiced
from billing.services.closes import CloseRefusedError, request_close
from billing.tables.closes import (
    ConversionTable,
    CorrectionTable,
    FrozenExplanationTable,
    FrozenTable,
    LooseTable,
    MoveTable,
    ReconciliationTable,
    UninvoicedTable,
)
from billing.views.close_rows import (
    frozen_explanations,
    frozen_rows,
    loose_rows,
    move_rows,
    moved_text,
    reconciliation_rows,
    uninvoiced_rows,
)
from billing.views.conversions import conversion_row, month_end
from portal.models import User
from portal.shell.figures import Figure
from portal.shell.navigation import Visitor
from portal.shell.paging import Source
from portal.shell.periods import Month
from portal.shell.refusals import unreadable
from portal.shell.statuses import FigureStatus
from portal.shell.views import Crumb, EmptyState, ListPage

_NO_INVOICE = EmptyState(
    "No invoice for this month",
    "A month is reconciled and closed against its invoices. Enter one, or import a CSV of them.",
    "See the invoices",
    "/costs/invoices/",
)


def see_money(request: HttpRequest) -> None:
    """Raises PermissionDenied unless this person answers for money."""
    if not may_see_charges(request.user):
        raise PermissionDenied


def month_of(request: HttpRequest) -> tuple[MonthForm, Month | None]:
    """The month that was asked for; the newest with an invoice when none was.

    Raises:
        UnreadableRequestError: what was asked for is no month.
    """
    form = MonthForm(request.GET)
    if not form.is_valid():
        raise unreadable(form)
    month = form.asked() or month_to_close(now=timezone.now())
    # The field says which month is shown, also when nobody asked for one.
    return MonthForm({"month": str(month)}) if month else form, month


def read_month(request: HttpRequest, month: Month) -> tuple[Reconciliation, list[Checklist]]:
    """The month and its checklists.

    Raises:
        Http404: nothing of it is for this person.
    """
    found = checklists_for(request.user, month, now=timezone.now())
    if found is None:
        raise Http404
    return found


@require_safe
def reconciliation_page(request: HttpRequest) -> HttpResponseBase:
    """Every invoice of a month in one table, and the lines that stand on none."""
    see_money(request)
    form, month = month_of(request)
    context: dict[str, Any] = {
        "page_title": "Reconciliation",
        "page_lead": "Allocated, unallocated, tax, credits, rounding and what was explained must "
        "sum to the invoice, to the nano-unit.",
        "breadcrumbs": [Crumb("Costs", reverse("costs"))],
        "form": form,
        "month": month,
        "empty": _NO_INVOICE,
    }
    if month is not None:
        found, lists = read_month(request, month)
        statuses = month_statuses(month, now=timezone.now())
        rows = reconciliation_rows(found.invoices, lists, statuses)
        names = source_names(group.key.connection_id for group in found.loose)
        loose = loose_rows(found.loose, names, statuses)
        context |= {
            "table": ReconciliationTable.of(rows) if rows else None,
            "loose": LooseTable.of(loose) if loose else None,
            "suspicions": suspicions_in(FigureReference(first=month, last=month)),
        }
    return TemplateResponse(request, "billing/reconciliation.html", context)


@require_safe
def checklist_page(request: HttpRequest) -> HttpResponseBase:
    """What is done and what is missing, for each scope of a month."""
    see_money(request)
    form, month = month_of(request)
    found, lists = read_month(request, month) if month is not None else (None, [])
    left = uninvoiced(found) if found is not None else []
    rest = uninvoiced_rows(left, month_statuses(month, now=timezone.now())) if month else []
    context = {
        "page_title": "Close checklist",
        "page_lead": "Imported, matched, allocated, explained, settled; then a second person.",
        "breadcrumbs": [Crumb("Costs", reverse("costs"))],
        "form": form,
        "month": month,
        "lists": lists,
        "rest": UninvoicedTable.of(rest) if rest else None,
        "suspicions": suspicions_in(FigureReference(first=month, last=month)) if month else [],
        "may_ask": may_ask_for_close(request.user),
        "empty": _NO_INVOICE,
    }
    return TemplateResponse(request, "billing/close_checklist.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
def close_ask_page(request: HttpRequest, key: str) -> HttpResponse:
    """Ask for a close, having seen what would be frozen."""
    if not may_ask_for_close(request.user) or not isinstance(request.user, User):
        raise PermissionDenied
    now = timezone.now()
    found = checklist_by_key(request.user, key, now=now)
    if found is None:
        raise Http404
    checklist = found[1]
    back = f"{reverse('close-checklist')}?month={checklist.scope.month}"
    form = CloseRequestForm(request.POST or None)
    status = 200
    if request.method == "POST" and form.is_valid():
        try:
            asked = request_close(
                scope=checklist.scope,
                reason=form.cleaned_data["reason"],
                actor=request.user,
                at=now,
            )
        except CloseRefusedError as error:
            for problem in error.problems:
                form.add_error(None, problem)
            status = 409
        else:
            messages.success(
                request,
                "Asked. Nothing is frozen yet: another person looks at these figures and closes "
                "exactly them.",
            )
            return HttpResponseRedirect(reverse("approval", args=[asked.pk]))
    statuses = month_statuses(checklist.scope.month, now=now)
    rows = reconciliation_rows(checklist.invoices, [checklist], statuses)
    context = {
        "page_title": "Ask for the close",
        "page_lead": str(checklist.scope),
        "breadcrumbs": [Crumb("Costs", reverse("costs")), Crumb("Close checklist", back)],
        "form": form,
        "checklist": checklist,
        "table": ReconciliationTable.of(rows),
        "submit_label": "Ask a second person",
        "cancel_url": back,
    }
    return render(request, "billing/close_ask.html", context, status=status)


@require_safe
def close_page(request: HttpRequest, key: str) -> HttpResponseBase:
    """The frozen figures, and every correction since."""
    see_money(request)
    close = closes_visible_to(request.user).filter(key=key).first()
    if close is None:
        raise Http404
    month = Month.of(close.month)
    corrections = list(close.corrections.order_by("number"))
    invoices = invoices_of_close(close)
    explained = frozen_explanations(close, invoices)
    context = {
        "page_title": f"{month.label}, {close.issuer}",
        "page_lead": "Closed. These figures stay; what has moved since stands below.",
        "breadcrumbs": [
            Crumb("Costs", reverse("costs")),
            Crumb("Close checklist", f"{reverse('close-checklist')}?month={month}"),
        ],
        "close": close,
        "month": month,
        "frozen": FrozenTable.of(frozen_rows(close, invoices)),
        "explained": FrozenExplanationTable.of(explained) if explained else None,
        "corrections": [
            (
                each,
                moved_text(each, close.currency),
                MoveTable.of(
                    move_rows(each, close.currency),
                    caption=f"What correction {each.number} moved",
                ),
            )
            for each in corrections
        ],
        "figures": _closed_and_now(close, corrections, month),
        "converted": _converted(close, month),
    }
    return TemplateResponse(request, "billing/close_detail.html", context)


def _closed_and_now(
    close: PeriodClose, corrections: Sequence[CloseCorrection], month: Month
) -> list[Figure]:
    """The billed sum of its cost lines as it was closed, and with every correction."""
    basis = ", ".join(sorted({each["basis"] for each in close.figures["invoices"]}))
    closed = Figure.money(
        "Cost lines as closed",
        lines_nano(close.figures),
        close.currency,
        status=FigureStatus.CLOSED,
        basis=basis.capitalize(),
        window=month.label,
        as_of=close.closed_at,
    )
    if not corrections:
        return [closed]
    last = corrections[-1]
    return [
        closed,
        Figure.money(
            "With corrections",
            last.new_nano,
            close.currency,
            status=FigureStatus.RESTATED,
            basis=basis.capitalize(),
            window=month.label,
            as_of=last.recorded_at,
        ),
    ]


def _converted(close: PeriodClose, month: Month) -> ConversionTable | None:
    """The closed total in the reporting currencies of the programmes; None when it is in them."""
    currencies = sorted(set(reporting_currencies()) - {close.currency})
    now = timezone.now()
    rows = [
        conversion_row(
            month.label,
            rates_between({close.currency}, currency).convert(
                close.total_nano, close.currency, currency, month_end(month, now)
            ),
            FigureStatus.CLOSED,
        )
        for currency in currencies
    ]
    return ConversionTable.of(rows, caption="The closed total converted") if rows else None


class CorrectionListPage(ListPage):
    """What moved in closed months. Kept for ever."""

    title = "Corrections"
    lead = "Closed months never change silently: each move stands here, with old, new and why."
    noun_plural = "corrections"
    export_name = "corrections"
    table_class = CorrectionTable
    filterset_class = CorrectionFilters

    def allows(self, user: Visitor) -> bool:
        return may_see_charges(user)  # type: ignore[arg-type]

    def get_queryset(self) -> Source:
        return corrections_visible_to(self.request.user)

    def get_breadcrumbs(self) -> Sequence[Crumb]:
        return [Crumb("Costs", reverse("costs"))]

    def get_empty(self) -> EmptyState:
        return EmptyState(
            "No closed month has moved",
            "When a source revises a closed month, or its lines are allocated anew, the difference "
            "is listed here; the closed figures stay as they are.",
        )
