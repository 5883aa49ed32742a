"""A month as a workbook whose checks are formulas: whoever audits it can follow them.

A spreadsheet computes with binary floats, so the exact amount stands beside each number as text,
and a formula rounds what it has worked out. Its value is stored too, for programs that only read.
"""

from __future__ import annotations

import io
from collections import defaultdict
from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import xlsxwriter
from xlsxwriter.utility import xl_cell_to_rowcol, xl_col_to_name, xl_rowcol_to_cell

from billing.selectors.close_checks import Checklist
from billing.selectors.close_figures import COMPONENTS, moved_between, payable_between, text_nano
from billing.selectors.journal import HEADINGS, JournalLine, journal_of
from billing.selectors.reconciliation import Reconciled, Reconciliation
from portal.shell.exports import escape_cell
from portal.shell.money import from_nano, nano_text

_DECIMALS = 6  # far below a cent, far above the noise of adding floats
# What no part of an invoice explains; shown in the row, and worked out there from the others.
_RESIDUAL = "{invoice total}-" + "-".join(f"{{{name}}}" for name in COMPONENTS)


def journal_cells(line: JournalLine) -> list[Any]:
    """A journal line in the order of the headings; amounts are exact numbers."""
    return [
        line.month, line.issuer, line.billing_account, line.invoice, line.account, line.use_case,
        line.cost_center, from_nano(line.debit_nano), from_nano(line.credit_nano), line.currency,
        line.basis, line.status,
    ]  # fmt: skip


def workbook(found: Reconciliation, lists: Sequence[Checklist]) -> bytes:
    """The month as an XLSX file: reconciliation, journal, corrections, and what has to be 0.

    What is text stays text, whatever it starts with.
    """
    out = io.BytesIO()
    book = xlsxwriter.Workbook(
        out, {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False,
              "strings_to_numbers": False},
    )  # fmt: skip
    styles = book.add_format({"bold": True}), book.add_format({"num_format": "#,##0.00"})
    journal = journal_of(found, lists)
    sheets = {
        "Reconciliation": _reconciliation(lists),
        "Journal": ([*HEADINGS], [_journal_row(line) for line in journal]),
        "Corrections": _corrections(lists),
        "Checks": _checks(journal),
    }
    for name, (headings, rows) in sheets.items():
        _write(book.add_worksheet(name), styles, headings, rows)
    book.close()
    return out.getvalue()


@dataclass(frozen=True, slots=True)
class _Amount:
    """An amount that fills two cells: the number and the exact text.

    Attributes:
        nano: nano-units of the row's currency.
        formula: how the number is worked out; `{heading}` stands for the number of this row there.
    """

    nano: int
    formula: str = ""


def _columns(headings: Sequence[str], amounts: Container[str]) -> dict[str, int]:
    """Where the cell of each heading is; an amount takes the one after it as well."""
    found, column = {}, 0
    for heading in headings:
        found[heading] = column
        column += 2 if heading in amounts else 1
    return found


def _write(
    sheet: Any, styles: tuple[Any, Any], headings: Sequence[str], rows: Sequence[Sequence[Any]]
) -> None:
    """Fill a sheet. Every row has its amounts where the first one has them."""
    bold, money = styles
    first = dict(zip(headings, rows[0], strict=True)) if rows else {}
    amounts = {heading for heading, cell in first.items() if isinstance(cell, _Amount)}
    columns = _columns(headings, amounts)
    sheet.freeze_panes(1, 0)
    for heading, column in columns.items():
        sheet.write_string(0, column, heading, bold)
        if heading in amounts:
            sheet.write_string(0, column + 1, f"{heading} (exact)", bold)
    for number, row in enumerate(rows, start=1):
        places = {name: xl_rowcol_to_cell(number, column) for name, column in columns.items()}
        for place, cell in zip(places.values(), row, strict=True):
            _write_cell(sheet, place, cell, places, money)


def _write_cell(sheet: Any, place: str, cell: Any, places: Mapping[str, str], money: Any) -> None:
    if isinstance(cell, _Amount):
        value = float(from_nano(cell.nano))
        if cell.formula:
            formula = f"=ROUND({cell.formula.format_map(places)},{_DECIMALS})"
            sheet.write_formula(place, formula, money, value)
        else:
            sheet.write_number(place, value, money)
        row, column = xl_cell_to_rowcol(place)
        sheet.write_string(row, column + 1, nano_text(cell.nano))
    elif isinstance(cell, int):
        sheet.write_number(place, cell)
    else:
        sheet.write_string(place, escape_cell(str(cell)))


def _journal_row(line: JournalLine) -> list[Any]:
    cells = journal_cells(line)
    for heading, nano in (("debit", line.debit_nano), ("credit", line.credit_nano)):
        cells[HEADINGS.index(heading)] = _Amount(nano)
    return cells


def _checks(journal: Sequence[JournalLine]) -> tuple[list[str], list[list[Any]]]:
    """By currency, the debits and credits of the sheet *Journal*: their difference has to be 0."""
    sums: defaultdict[str, list[int]] = defaultdict(lambda: [0, 0])
    for line in journal:
        sums[line.currency][0] += line.debit_nano
        sums[line.currency][1] += line.credit_nano
    columns = _columns(HEADINGS, {"debit", "credit"})
    letters = {name: xl_col_to_name(column) for name, column in columns.items()}
    of_currency = f"Journal!{letters['currency']}:{letters['currency']}"

    def summed(name: str) -> str:
        column = f"Journal!{letters[name]}:{letters[name]}"
        return f"SUMIFS({column},{of_currency},{{currency}})"

    return ["currency", "debit", "credit", "difference"], [
        [
            currency, _Amount(debit, summed("debit")), _Amount(credit, summed("credit")),
            _Amount(debit - credit, "{debit}-{credit}"),
        ]
        for currency, (debit, credit) in sorted(sums.items())
    ]  # fmt: skip


def _reconciliation(lists: Sequence[Checklist]) -> tuple[list[str], list[list[Any]]]:
    """A row an invoice. Of a closed month the frozen one, and that of now where they differ."""
    headings = [
        "month", "issuer", "billing account", "invoice", "currency", "basis", "status", "figures",
        "lines", *COMPONENTS, "invoice total", "residual",
    ]  # fmt: skip
    return headings, [row for each in lists for row in _scope_rows(each)]


_NOTHING = {
    **dict.fromkeys((*COMPONENTS, "total"), _Amount(0)),
    "residual": _Amount(0, _RESIDUAL), "basis": "", "lines": 0,
}  # fmt: skip


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
        **{name: _Amount(getattr(own, f"{name}_nano")) for name in COMPONENTS},
        "total": _Amount(own.invoice.total_nano),
        "residual": _Amount(own.residual_nano, _RESIDUAL),
        "basis": own.basis,
        "lines": own.lines,
    }


def _frozen(invoice: Mapping[str, Any]) -> dict[str, Any]:
    """The same of an invoice in the frozen figures."""
    return {
        **{name: _Amount(text_nano(invoice[name])) for name in (*COMPONENTS, "total")},
        "residual": _Amount(text_nano(invoice["residual"]), _RESIDUAL),
        "basis": invoice["basis"],
        "lines": invoice["lines"],
    }


def _corrections(lists: Sequence[Checklist]) -> tuple[list[str], list[list[Any]]]:
    headings = [
        "month", "issuer", "billing account", "currency", "correction", "recorded", "cause", "why",
        "old", "new", "moved", "to pay",
    ]  # fmt: skip
    rows: list[list[Any]] = [
        [
            str(each.scope.month), each.scope.issuer, each.scope.account, each.scope.currency,
            item.number, item.recorded_at.isoformat(), item.get_cause_display(), item.reason,
            _Amount(item.old_nano), _Amount(item.new_nano), _Amount(moved_between(item.moves)),
            _Amount(payable_between(item.moves)),
        ]
        for each in lists
        for item in each.corrections
    ]  # fmt: skip
    return headings, rows
