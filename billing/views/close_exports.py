"""A month as journal CSV and as a workbook."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import xlsxwriter
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.views.decorators.http import require_safe

from billing.selectors.close_checks import Checklist
from billing.selectors.close_figures import (
    COMPONENTS,
    moved_between,
    payable_between,
    text_nano,
)
from billing.selectors.journal import HEADINGS, JournalLine, journal_of
from billing.selectors.reconciliation import Reconciled, Reconciliation
from billing.views.closes import month_of, read_month, see_money
from portal.limits import take_turn
from portal.shell.exports import csv_response, escape_cell
from portal.shell.money import from_nano, nano_text
from portal.shell.periods import Month

_XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


def _read(request: HttpRequest) -> tuple[Month, Reconciliation, list[Checklist]]:
    """The month to export.

    Raises:
        Http404: nothing has been imported yet.
    """
    see_money(request)
    _, month = month_of(request)
    if month is None:
        raise Http404
    take_turn("export", f"person {request.user.pk}")
    found, lists = read_month(request, month)
    return month, found, lists


@require_safe
def journal_export(request: HttpRequest) -> HttpResponseBase:
    """Debit and credit by use case and cost centre; texts safe to open in a spreadsheet."""
    month, found, lists = _read(request)
    return csv_response(f"journal-{month}", HEADINGS, map(_cells, journal_of(found, lists)))


def _cells(line: JournalLine) -> list[Any]:
    """A journal line in the order of the headings; amounts are exact numbers."""
    return [
        line.month, line.issuer, line.billing_account, line.invoice, line.account, line.use_case,
        line.cost_center, from_nano(line.debit_nano), from_nano(line.credit_nano), line.currency,
        line.basis, line.status,
    ]  # fmt: skip


@require_safe
def workbook_export(request: HttpRequest) -> HttpResponseBase:
    """Reconciliation, journal and corrections as sheets: each amount as exact text and number."""
    month, found, lists = _read(request)
    content = workbook(found, lists)
    response = HttpResponse(content, content_type=_XLSX)
    response.headers["Content-Disposition"] = f'attachment; filename="close-{month}.xlsx"'
    response.headers["Cache-Control"] = "private, no-store"
    return response


def workbook(found: Reconciliation, lists: Sequence[Checklist]) -> bytes:
    """The month as an XLSX file.

    A spreadsheet computes with binary floats, so the exact amount stands beside each number as
    text; what is text stays text, whatever it starts with.
    """
    out = io.BytesIO()
    book = xlsxwriter.Workbook(
        out, {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False,
              "strings_to_numbers": False},
    )  # fmt: skip
    bold, money = book.add_format({"bold": True}), book.add_format({"num_format": "#,##0.00"})
    styles = (bold, money)
    _sheet(book, "Reconciliation", styles, *_reconciliation(lists))
    journal = journal_of(found, lists)
    _sheet(book, "Journal", styles, HEADINGS, [_amounts(_cells(line), line) for line in journal])
    _sheet(book, "Corrections", styles, *_corrections(lists))
    book.close()
    return out.getvalue()


class _Nano(int):
    """An amount that fills two cells: the exact text and the number."""


def _amounts(cells: list[Any], line: JournalLine) -> list[Any]:
    cells[7], cells[8] = _Nano(line.debit_nano), _Nano(line.credit_nano)
    return cells


def _sheet(
    book: Any, name: str, styles: tuple[Any, Any], headings: Sequence[str],
    rows: Iterable[Sequence[Any]],
) -> None:  # fmt: skip
    """Write a sheet; the columns of amounts are those of the first row, doubled."""
    bold, money = styles
    sheet = book.add_worksheet(name)
    sheet.freeze_panes(1, 0)
    lines = [list(row) for row in rows]
    doubled = {i for row in lines[:1] for i, cell in enumerate(row) if isinstance(cell, _Nano)}
    column = 0
    for index, heading in enumerate(headings):
        sheet.write_string(0, column, heading, bold)
        if index in doubled:
            column += 1
            sheet.write_string(0, column, f"{heading} (exact)", bold)
        column += 1
    for number, row in enumerate(lines, start=1):
        column = 0
        for cell in row:
            if isinstance(cell, _Nano):
                sheet.write_number(number, column, float(from_nano(cell)), money)
                column += 1
                sheet.write_string(number, column, nano_text(cell))
            elif isinstance(cell, int):
                sheet.write_number(number, column, cell)
            else:
                sheet.write_string(number, column, escape_cell(str(cell)))
            column += 1


def _reconciliation(lists: Sequence[Checklist]) -> tuple[list[str], list[list[Any]]]:
    """A row an invoice. Of a closed month the frozen one, and that of now where they differ."""
    headings = [
        "month", "issuer", "billing account", "invoice", "currency", "basis", "status", "figures",
        "lines", *COMPONENTS, "invoice total", "residual",
    ]  # fmt: skip
    return headings, [row for each in lists for row in _scope_rows(each)]


_NOTHING = dict.fromkeys((*COMPONENTS, "total", "residual"), _Nano(0)) | {"basis": "", "lines": 0}


def _scope_rows(each: Checklist) -> Iterator[list[Any]]:
    scope = each.scope
    live = {own.invoice.number: _live(own) for own in each.invoices}
    frozen = {}
    if each.close is not None:
        frozen = {item["number"]: _frozen(item) for item in each.close.figures["invoices"]}
    for number in sorted({*frozen, *live}):
        now = live.get(number, _NOTHING)
        told = [("frozen", frozen[number])] if number in frozen else []
        if now != frozen.get(number):
            # Of an invoice that the month no longer has, or had not, the rest is nothing.
            told.append(("now", now) if each.close is not None else ("open", now))
        for figures, row in told:
            yield [
                str(scope.month), scope.issuer, scope.account, number, scope.currency,
                row["basis"], str(each.state.label), figures, row["lines"],
                *(row[name] for name in (*COMPONENTS, "total", "residual")),
            ]  # fmt: skip


def _live(own: Reconciled) -> dict[str, Any]:
    return {
        **{name: _Nano(getattr(own, f"{name}_nano")) for name in (*COMPONENTS, "residual")},
        "total": _Nano(own.invoice.total_nano),
        "basis": own.basis,
        "lines": own.lines,
    }


def _frozen(invoice: Mapping[str, Any]) -> dict[str, Any]:
    """The same of an invoice in the frozen figures."""
    amounts = {name: _Nano(text_nano(invoice[name])) for name in (*COMPONENTS, "total", "residual")}
    return {**amounts, "basis": invoice["basis"], "lines": invoice["lines"]}


def _corrections(lists: Sequence[Checklist]) -> tuple[list[str], list[list[Any]]]:
    headings = [
        "month", "issuer", "billing account", "currency", "correction", "recorded", "cause", "why",
        "old", "new", "moved", "to pay",
    ]  # fmt: skip
    rows: list[list[Any]] = [
        [
            str(each.scope.month), each.scope.issuer, each.scope.account, each.scope.currency,
            item.number, item.recorded_at.isoformat(), item.get_cause_display(), item.reason,
            _Nano(item.old_nano), _Nano(item.new_nano), _Nano(moved_between(item.moves)),
            _Nano(payable_between(item.moves)),
        ]
        for each in lists
        for item in each.corrections
    ]  # fmt: skip
    return headings, rows
