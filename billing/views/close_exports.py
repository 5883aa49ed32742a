"""A month as journal CSV and as a workbook."""

from __future__ import annotations

from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.views.decorators.http import require_safe

from billing.selectors.as_of import TooManyChargesError
from billing.selectors.close_checks import Checklist
from billing.selectors.journal import HEADINGS, journal_of
from billing.selectors.reconciliation import Reconciliation
from billing.views.asked_months import month_of, read_month, see_money
from billing.views.close_workbook import journal_cells, workbook
from portal.limits import take_turn
from portal.shell.exports import csv_response
from portal.shell.periods import Month
from portal.shell.refusals import UnreadableRequestError

_XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


def _read(request: HttpRequest) -> tuple[Month, Reconciliation, list[Checklist]]:
    """The month to export.

    Raises:
        Http404: nothing has been imported yet.
        UnreadableRequestError: more charges than are worked out as of a moment.
    """
    see_money(request)
    asked = month_of(request)
    if asked.month is None:
        raise Http404
    take_turn("export", f"person {request.user.pk}")
    try:
        book, lists = read_month(asked.month, asked)
    except TooManyChargesError as error:
        raise UnreadableRequestError(str(error)) from error
    return asked.month, book.found, lists


@require_safe
def journal_export(request: HttpRequest) -> HttpResponseBase:
    """Debit and credit by use case and cost centre; texts safe to open in a spreadsheet."""
    month, found, lists = _read(request)
    return csv_response(f"journal-{month}", HEADINGS, map(journal_cells, journal_of(found, lists)))


@require_safe
def workbook_export(request: HttpRequest) -> HttpResponseBase:
    """Reconciliation, journal and corrections as sheets: each amount as exact text and number."""
    month, found, lists = _read(request)
    content = workbook(found, lists)
    response = HttpResponse(content, content_type=_XLSX)
    response.headers["Content-Disposition"] = f'attachment; filename="close-{month}.xlsx"'
    response.headers["Cache-Control"] = "private, no-store"
    return response
