"""Closed and open months as journal lines: debit and credit by use case and cost centre.

A closed month is told from its frozen figures, its corrections after it; an open one from what is
there now. Debits and credits of an invoice are equal to the nano-unit; what nobody has explained
stands in a line of its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from billing.choices import CloseState
from billing.models import CloseCorrection
from billing.selectors.close_checks import Checklist
from billing.selectors.close_figures import Figures, figures_of, text_nano
from billing.selectors.reconciliation import Reconciliation

PAYABLE = "Accounts payable"
NOT_EXPLAINED = "Difference not explained"
_PARTS = {"cost": "AI cost", "tax": "Tax", "credits": "Credits"}
_UNALLOCATED = "AI cost, unallocated"


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
        for invoice in figures["invoices"]:
            lines += _invoice(figures, invoice, "closed" if is_closed else "open")
        for correction in each.corrections:
            lines += _correction(figures, correction)
    return lines


def _invoice(figures: Figures, invoice: dict[str, Any], status: str) -> Iterator[JournalLine]:
    """Debits for what was received, one credit for what is to be paid."""
    number, basis = invoice["number"], invoice["basis"]
    told = {"tax": 0, "credits": 0}
    for part in invoice["went_to"]:
        nano = text_nano(part["amount"])
        if part["part"] in told:
            told[part["part"]] += nano
        account = _PARTS[part["part"]]
        if part["part"] == "cost" and not part["use_case"]:
            account = _UNALLOCATED
        yield _line(figures, number, account, part["use_case"], part["cost_center"], nano, basis,
                    status)  # fmt: skip
    # What stands on the invoice only: its cost lines have none of it.
    rest = {
        "Tax": text_nano(invoice["tax"]) - told["tax"],
        "Credits": text_nano(invoice["credits"]) - told["credits"],
        "Rounding": text_nano(invoice["rounding"]),
        "Explained difference": text_nano(invoice["explained"]),
        NOT_EXPLAINED: text_nano(invoice["residual"]),
    }
    for account, nano in rest.items():
        if nano:
            yield _line(figures, number, account, "", "", nano, basis, status)
    total = text_nano(invoice["total"])
    yield _line(figures, number, PAYABLE, "", "", -total, basis, status)


def _correction(figures: Figures, correction: CloseCorrection) -> Iterator[JournalLine]:
    """What moved: each place by its difference, and against it what the invoice moved by."""
    status = f"correction {correction.number}"
    open_nano: dict[str, int] = {}
    for move in correction.moves:
        number, _, place = move["place"].partition(": ")
        nano = text_nano(move["new"]) - text_nano(move["old"])
        if place == "invoice total":
            yield _line(figures, number, PAYABLE, "", "", -nano, "", status)
            open_nano[number] = open_nano.get(number, 0) + nano
        else:
            yield _line(figures, number, f"Moved: {place}", "", "", nano, "", status)
            open_nano[number] = open_nano.get(number, 0) - nano
    for number, nano in open_nano.items():
        if nano:
            yield _line(figures, number, NOT_EXPLAINED, "", "", nano, "", status)


def _line(
    figures: Figures,
    number: str,
    account: str,
    use_case: str,
    cost_center: str,
    nano: int,
    basis: str,
    status: str,
) -> JournalLine:
    """A positive amount is a debit, a negative one a credit."""
    return JournalLine(
        month=figures["month"],
        issuer=figures["issuer"],
        billing_account=figures["account"],
        invoice=number,
        account=account,
        use_case=use_case,
        cost_center=cost_center,
        debit_nano=max(nano, 0),
        credit_nano=max(-nano, 0),
        currency=figures["currency"],
        basis=basis,
        status=status,
    )
