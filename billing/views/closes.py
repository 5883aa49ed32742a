"""Reconciliation of a month, its close checklist, asking for a close, and what was frozen."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode

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
from billing.forms.invoices import CloseRequestForm
from billing.models import CloseCorrection, PeriodClose
from billing.policies import may_ask_for_close, may_see_charges
from billing.selectors.as_of import TooManyChargesError
from billing.selectors.close_figures import lines_nano
from billing.selectors.closes import (
    checklist_by_key,
    closes_visible_to,
    corrections_visible_to,
    invoices_of_close,
)
from billing.selectors.exchange import rates_between, reporting_currencies
from billing.selectors.invoice_status import month_statuses, statuses_of_invoices
from billing.selectors.line_status import by_then
from billing.selectors.moments import moment_key
from billing.selectors.open_suspicions import source_names
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
from billing.views.asked_months import AskedMonth, month_of, read_month, see_money
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
from billing.views.moments import NOT_WORKED_OUT, AskedMoment, AsOfListPage, asked_moment
from portal.models import User
from portal.shell.figures import Figure
from portal.shell.formats import moment_text
from portal.shell.navigation import Visitor
from portal.shell.paging import Source
from portal.shell.periods import Month
from portal.shell.statuses import FigureStatus
from portal.shell.views import Crumb, EmptyState

_NO_INVOICE = EmptyState(
    "No invoice for this month",
    "A month is reconciled and closed against its invoices. Enter one, or import a CSV of them.",
    "See the invoices",
    "/costs/invoices/",
)


@require_safe
def reconciliation_page(request: HttpRequest) -> HttpResponseBase:
    """Every invoice of a month in one table, and the lines that stand on none; or as of a
    moment."""
    see_money(request)
    asked = month_of(request)
    context: dict[str, Any] = {
        "page_title": "Reconciliation",
        "page_lead": "Allocated, unallocated, tax, credits, rounding and what was explained must "
        "sum to the invoice, to the nano-unit.",
        "breadcrumbs": [Crumb("Costs", reverse("costs"))],
        **asked.context,
        "empty": _none_yet(asked),
    }
    if asked.month is not None:
        try:
            context |= _reconciled(asked.month, asked)
        except TooManyChargesError as error:
            context["empty"] = EmptyState(NOT_WORKED_OUT, str(error))
    return TemplateResponse(request, "billing/reconciliation.html", context)


def _none_yet(asked: AskedMonth) -> EmptyState:
    if asked.at is None or asked.month is None:
        return _NO_INVOICE
    return EmptyState(
        "No invoice for this month then",
        f"At {moment_text(asked.at)} no invoice of {asked.month.label} was in force.",
    )


def _reconciled(month: Month, asked: AskedMonth) -> dict[str, Any]:
    """The tables of a month.

    Raises:
        TooManyChargesError: more charges than are worked out as of a moment.
    """
    book, lists = read_month(month, asked)
    found, statuses = book.found, book.line_statuses()
    stated = book.stated([each.invoice for each in found.invoices])
    rows = reconciliation_rows(found.invoices, lists, statuses, stated, at=asked.at)
    names = source_names(group.key.connection_id for group in found.loose)
    loose = loose_rows(found.loose, names, statuses)
    return {
        "table": ReconciliationTable.of(rows) if rows else None,
        "loose": LooseTable.of(loose) if loose else None,
        "suspicions": book.suspicions(),
    }


@require_safe
def checklist_page(request: HttpRequest) -> HttpResponseBase:
    """What is done and what is missing, for each scope of a month; or as of a moment."""
    see_money(request)
    asked = month_of(request)
    context = {
        "page_title": "Close checklist",
        "page_lead": "Imported, matched, allocated, explained, settled; then a second person.",
        "breadcrumbs": [Crumb("Costs", reverse("costs"))],
        **asked.context,
        "may_ask": asked.at is None and may_ask_for_close(request.user),
        "empty": _none_yet(asked),
    }
    if asked.month is not None:
        try:
            context |= _checked(asked.month, asked)
        except TooManyChargesError as error:
            context["empty"] = EmptyState(NOT_WORKED_OUT, str(error))
    return TemplateResponse(request, "billing/close_checklist.html", context)


def _checked(month: Month, asked: AskedMonth) -> dict[str, Any]:
    """The checklists of a month, and what stands on no invoice.

    Raises:
        TooManyChargesError: more charges than are worked out as of a moment.
    """
    book, lists = read_month(month, asked)
    rest = uninvoiced_rows(uninvoiced(book.found), book.line_statuses())
    return {
        "lists": lists,
        "rest": UninvoicedTable.of(rest) if rest else None,
        "suspicions": book.suspicions(),
    }


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
    stated = statuses_of_invoices([each.invoice for each in checklist.invoices])
    rows = reconciliation_rows(checklist.invoices, [checklist], statuses, stated)
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
    """The frozen figures, and every correction since, or until a moment."""
    see_money(request)
    close = closes_visible_to(request.user).filter(key=key).first()
    if close is None:
        raise Http404
    month, asked = Month.of(close.month), asked_moment(request)
    context = {
        "page_title": f"{month.label}, {close.issuer}",
        "breadcrumbs": [
            Crumb("Costs", reverse("costs")),
            Crumb("Close checklist", _checklist_url(month, asked)),
        ],
        "close": close,
        "month": month,
        **asked.context,
    }
    if asked.at is not None and close.closed_at > asked.at:
        context["refused"] = EmptyState(
            "Not closed then", f"This month was closed after {moment_text(asked.at)}.",
            "How far it had come", _checklist_url(month, asked),
        )  # fmt: skip
    elif not asked.problem:
        context |= _closed(close, month, asked)
    return TemplateResponse(request, "billing/close_detail.html", context, status=asked.status)


def _checklist_url(month: Month, asked: AskedMoment) -> str:
    moment = {"as_of": moment_key(asked.at)} if asked.at else {}
    return f"{reverse('close-checklist')}?{urlencode({'month': str(month)} | moment)}"


def _closed(close: PeriodClose, month: Month, asked: AskedMoment) -> dict[str, Any]:
    """What was frozen, and every correction until the moment."""
    found = close.corrections.filter(by_then("recorded_at", asked.at))
    corrections = list(found.order_by("number"))
    invoices = invoices_of_close(close)
    explained = frozen_explanations(close, invoices)
    return {
        "page_lead": "Closed. These figures stay; what has moved since stands below.",
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
        "converted": _converted(close, month, asked.at),
    }


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


def _converted(close: PeriodClose, month: Month, at: dt.datetime | None) -> ConversionTable | None:
    """The closed total in the reporting currencies of the programmes; None when it is in them."""
    currencies = sorted(set(reporting_currencies()) - {close.currency})
    now = at or timezone.now()
    rows = [
        conversion_row(
            month.label,
            rates_between({close.currency}, currency, at=at).convert(
                close.total_nano, close.currency, currency, month_end(month, now)
            ),
            FigureStatus.CLOSED,
        )
        for currency in currencies
    ]
    return ConversionTable.of(rows, caption="The closed total converted") if rows else None


class CorrectionListPage(AsOfListPage):
    """What moved in closed months, or had by a moment. Kept for ever."""

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

    def make_table(self, source: Source) -> CorrectionTable:
        return CorrectionTable(source, query=self.request.GET, path=self.request.path, at=self.at)

    def get_breadcrumbs(self) -> Sequence[Crumb]:
        return [Crumb("Costs", reverse("costs"))]

    def get_empty(self) -> EmptyState:
        return EmptyState(
            "No closed month has moved",
            "When a source revises a closed month, or its lines are allocated anew, the difference "
            "is listed here; the closed figures stay as they are.",
        )

    def get_past_empty(self, at: dt.datetime) -> EmptyState:
        return EmptyState(
            "No closed month had moved then", f"Up to {moment_text(at)} nothing was corrected."
        )
