"""Closed and open months as journal lines: debit and credit by use case and cost centre.

A closed month is told from its frozen figures, its corrections after it; an open one from what is
there now. Debits and credits of an invoice are equal to the nano-unit; what nobody has explained
stands in a line of its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from billing.choices import CloseState
from billing.selectors.close_checks import Checklist
from billing.selectors.close_figures import Figures, figures_of, on_invoice_nano, text_nano
from billing.selectors.reconciliation import Reconciliation

PAYABLE = "Accounts payable"
NOT_EXPLAINED = "Difference not explained"
_PARTS = {"cost": "AI cost", "tax": "Tax", "credits": "Credits"}
_UNALLOCATED = "AI cost, unallocated"
_OWN = {
    "tax": "Tax",
    "credits": "Credits",
    "rounding": "Rounding",
    "explained": "Explained difference",
}


@dataclass(frozen=True, slots=True)
class JournalLine:
    """One line; nano-units of `currency`, exactly one of debit and credit is not 0.

    Attributes:
        status: `closed`, `correction 1`, or `open`.
    """

    month: str
    issuer: str
    billing_account: str
    invoice: str
    account: str
    use_case: str
    cost_center: str
    debit_nano: int
    credit_nano: int
    currency: str
    basis: str
    status: str


HEADINGS = (
    "month", "issuer", "billing_account", "invoice", "account", "use_case", "cost_center",
    "debit", "credit", "currency", "basis", "status",
)  # fmt: skip


def journal_of(found: Reconciliation, lists: Sequence[Checklist]) -> list[JournalLine]:
    """The journal of a month, scope by scope and invoice by invoice."""
    lines: list[JournalLine] = []
    for each in lists:
        is_closed = each.state in (CloseState.CLOSED, CloseState.CORRECTED)
        figures: Figures = (
            each.close.figures if each.close is not None else figures_of(found, each.scope)
        )
        status = "closed" if is_closed else "open"
        lines += _lines(_entries(figures), figures, figures, status)
        for correction in each.corrections:
            moved = _moved(figures, correction.figures)
            status = f"correction {correction.number}"
            lines += _lines(moved, correction.figures, figures, status)
            figures = correction.figures
    return lines


class _Entry(NamedTuple):
    """One account of an invoice: what a line says beside its amount. `basis` is of cost lines."""

    invoice: str
    account: str
    use_case: str = ""
    cost_center: str = ""
    basis: str = ""


def _entries(figures: Figures) -> Iterator[tuple[_Entry, int]]:
    """Debits for what was received, one credit an invoice for what is to be paid: of each invoice
    they sum to 0."""
    for invoice in figures["invoices"]:
        number, basis = invoice["number"], invoice["basis"]
        for part in invoice["went_to"]:
            account = _PARTS[part["part"]]
            if part["part"] == "cost" and not part["use_case"]:
                account = _UNALLOCATED
            entry = _Entry(number, account, part["use_case"], part["cost_center"], basis)
            yield entry, text_nano(part["amount"])
        for name, nano in on_invoice_nano(invoice).items():
            yield _Entry(number, _OWN[name]), nano
        yield _Entry(number, NOT_EXPLAINED), text_nano(invoice["residual"])
        yield _Entry(number, PAYABLE), -text_nano(invoice["total"])


def _moved(before: Figures, after: Figures) -> Iterator[tuple[_Entry, int]]:
    """By how much each account moved, as it is written: column by column and not by its words.

    Lines that came to another basis are taken back there and entered here; the two are never set
    off against each other.
    """
    found: dict[_Entry, int] = {}
    for entry, nano in _entries(after):
        found[entry] = found.get(entry, 0) + nano
    for entry, nano in _entries(before):
        found[entry] = found.get(entry, 0) - nano
    yield from sorted(found.items(), key=lambda each: (each[0].invoice, each[0].account == PAYABLE))


def _lines(
    entries: Iterable[tuple[_Entry, int]], figures: Figures, earlier: Figures, status: str
) -> Iterator[JournalLine]:
    """A positive amount is a debit, a negative one a credit; what is 0 is left out.

    What the document alone says is told with the basis of its invoice, or that of before.
    """
    bases = {
        each["number"]: each["basis"]
        for document in (earlier, figures)
        for each in document["invoices"]
        if each["basis"]
    }
    for entry, nano in entries:
        if nano:
            yield JournalLine(
                month=figures["month"],
                issuer=figures["issuer"],
                billing_account=figures["account"],
                invoice=entry.invoice,
                account=entry.account,
                use_case=entry.use_case,
                cost_center=entry.cost_center,
                debit_nano=max(nano, 0),
                credit_nano=max(-nano, 0),
                currency=figures["currency"],
                basis=entry.basis or bases.get(entry.invoice, ""),
                status=status,
            )
