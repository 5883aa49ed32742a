"""Tables of invoices, reconciliation, closes, corrections and exchange rates."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from django.utils.html import format_html

from billing.selectors.close_figures import moved_between, payable_between
from billing.selectors.closes import statuses_of_correction
from billing.selectors.invoice_status import INVOICE_FACTS, statuses_of_invoices
from billing.tables.figures import SettledColumn
from billing.tables.moments import LinkThen, PastTable
from portal.shell.columns import (
    DateColumn,
    ExportValue,
    HtmlColumn,
    LinkTo,
    MomentColumn,
    MoneyColumn,
    MonthColumn,
    NumberColumn,
    Record,
    ShellColumn,
    StatusColumn,
)
from portal.shell.formats import nano_money_text, number_text
from portal.shell.money import from_nano, nano_text
from portal.shell.tables import ShellTable


class ExactColumn(MoneyColumn):
    """Money with every digit: where a nano-unit decides."""

    def inner_html(self, value: Any, record: Record) -> str:
        return format_html("{} {}", number_text(from_nano(value), None), record[self.currency_key])


class SettledExactColumn(SettledColumn, ExactColumn):
    """The same with its status."""


class PartColumn(MoneyColumn):
    """A part of an amount: the currency stands at the whole, in the same row."""

    def inner_html(self, value: Any, record: Record) -> str:
        exact = f"{nano_text(value)} {record[self.currency_key]}"
        return format_html('<span title="{}">{}</span>', exact, self.text(value))

    def text(self, nano: int) -> str:
        """The number alone."""
        return nano_money_text(nano, "").strip()


class ExactPartColumn(PartColumn):
    """The same with every digit."""

    def text(self, nano: int) -> str:
        return number_text(from_nano(nano), None)


class SettledWordColumn(SettledColumn):
    """Money with its status as a word alone: beside an amount with a badge, or where many stand."""

    def badge_html(self, word: str) -> str:
        status = self.statuses.get(word)
        return format_html('<span title="{}">{}</span>', status.meaning, status.label)


class SettledPartColumn(SettledWordColumn, PartColumn):
    """A part with its status: the whole equation has to fit."""


class SettledExactPartColumn(SettledWordColumn, ExactPartColumn):
    """The same with every digit."""


class SettledDifferenceColumn(SettledWordColumn, ExactColumn):
    """A difference with every digit, as settled as what it led to."""


class BetweenColumn(SettledWordColumn):
    """What the moves of a correction come to, by a function of them."""

    def __init__(self, verbose_name: str, of: Callable[[Any], int], **kwargs: Any) -> None:
        super().__init__(verbose_name, **kwargs)
        self.of = of

    def value(self, record: Record) -> int | None:
        return self.of(record[self.source_key])


class CauseColumn(StatusColumn):
    """Cause and, below it, why in words; a column each in the export."""

    def export_headings(self, heading: str) -> list[str]:
        return [heading, "Why"]

    def export_values(self, record: Record) -> list[ExportValue]:
        return [*super().export_values(record), record[self.sub]]


class InvoiceTable(PastTable):
    """Invoices in force, or that were."""

    caption = "Invoices"
    default_sort = "-month"

    number = ShellColumn(
        "Invoice", url=LinkThen("invoice", "pk"), fields=("pk",), sub="issuer", row_header=True
    )
    month = MonthColumn("Billing month")
    billing_account_id = ShellColumn("Account", orderable=False)
    total_nano = SettledColumn(
        "To pay", sort_by=("currency", "total_nano"), fields=INVOICE_FACTS,
        vocabulary="invoice_status",
    )  # fmt: skip
    tax_nano = SettledWordColumn(
        "Tax", nullable=True, reason="not stated", orderable=False, vocabulary="invoice_status"
    )
    credits_nano = SettledWordColumn(
        "Credits", nullable=True, reason="not stated", orderable=False, vocabulary="invoice_status"
    )
    document_name = ShellColumn("Document", orderable=False, reason="none attached")
    recorded_at = MomentColumn("Recorded")

    def enrich(self, records: Sequence[Record]) -> Sequence[Record]:
        statuses = statuses_of_invoices(records, until=self.at)
        return [
            {**record, "status": status, "as_of": self.moment}
            for record, status in zip(records, statuses, strict=True)
        ]


class ReconciliationTable(ShellTable):
    """One row an invoice: the parts sum to it, or the residual says by how much they do not.

    What decides stands first, then the whole equation; what explains it follows, where a narrow
    window scrolls.
    """

    caption = "Reconciliation by invoice"
    is_dense = True

    number = ShellColumn(
        "Invoice", url=LinkThen("invoice", "pk"), fields=("pk",), sub="issuer", row_header=True
    )
    residual_nano = SettledExactPartColumn(
        "Residual", status_key="residual_status", help_text="0 when it ties, to the nano-unit"
    )
    allocated_nano = SettledPartColumn("Allocated", status_key="lines_status")
    unallocated_nano = SettledPartColumn("Unallocated", status_key="lines_status")
    tax_nano = SettledPartColumn("Tax", status_key="tax_status")
    credits_nano = SettledPartColumn("Credits", status_key="credits_status")
    rounding_nano = SettledPartColumn("Rounding", vocabulary="invoice_status")
    explained_nano = SettledPartColumn("Explained", vocabulary="invoice_status")
    total_nano = SettledColumn(
        "To pay", vocabulary="invoice_status",
        help_text="The sum of the six before it and the residual",
    )  # fmt: skip
    state = StatusColumn("Month", vocabulary="close_state")
    matched_by = StatusColumn("Lines found", vocabulary="invoice_match")
    lines = NumberColumn("Lines")


class LooseTable(ShellTable):
    """Cost lines of the month that stand on no invoice."""

    caption = "Cost lines on no invoice"

    issuer = ShellColumn("Issuer", sub="account", row_header=True)
    category = ShellColumn("Charge category", reason="none stated")
    billed_nano = SettledColumn("Billed")
    left_out_nano = SettledWordColumn(
        "Not counted", reason="all counts", help_text="Another source has it and counts"
    )
    invoice_id = ShellColumn("Invoice id in the lines", reason="none")
    lines = NumberColumn("Lines")
    basis = ShellColumn("Basis", sub="source", fields=("source",))


class UninvoicedTable(ShellTable):
    """Cost of a month outside its invoices, by issuer and account."""

    caption = "Cost of the month on no invoice"

    issuer = ShellColumn("Issuer", sub="account", row_header=True)
    billed_nano = SettledColumn("Billed")
    missing = ShellColumn("Missing")
    lines = NumberColumn("Lines")
    basis = ShellColumn("Basis")


class PartsTable(ShellTable):
    """What an invoice is made of; the last row is what is left."""

    caption = "What the invoice is made of"

    part = ShellColumn("Part", row_header=True, sub="note")
    amount_nano = SettledExactColumn("Amount")


class ExplanationTable(ShellTable):
    """What people explained."""

    caption = "Explained differences"

    reason = ShellColumn("Reason", row_header=True, sub="note")
    amount_nano = SettledExactColumn("Amount", vocabulary="invoice_status")
    who = ShellColumn("By")
    recorded_at = MomentColumn("Recorded")
    state = ShellColumn("State")
    withdraw = HtmlColumn(
        "Next",
        html=lambda record: (
            format_html(
                '<a href="{}" aria-label="Withdraw: {}">Withdraw</a>', record["url"], record["note"]
            )
            if record["url"]
            else ""
        ),
        text=lambda record: "",
        fields=("url", "note"),
    )


class DestinationTable(ShellTable):
    """Where the money of an invoice's lines went."""

    caption = "Where its money went"

    target = ShellColumn("Use case", url=lambda record: record["url"], fields=("url",),
                         row_header=True)  # fmt: skip
    cost_center = ShellColumn("Cost centre", reason="none")
    rule = ShellColumn("Rule", url=lambda record: record["rule_url"], fields=("rule_url",))
    billed_nano = SettledExactColumn("Billed")


class InvoiceLineTable(ShellTable):
    """Cost lines of an invoice, by day."""

    caption = "Cost lines"

    charge = ShellColumn("Line", url=LinkTo("charge", "pk"), fields=("pk",), row_header=True)
    day = DateColumn("Day")
    service = ShellColumn("Service", sub="description")
    category = ShellColumn("Category")
    billed_nano = SettledExactColumn("Billed")
    effective_nano = SettledWordColumn("Effective", nullable=True, reason="not stated")
    origin = ShellColumn("File and line")


class VersionsTable(ShellTable):
    """Versions of an invoice, newest first."""

    caption = "Versions of the invoice"

    recorded_at = MomentColumn("Recorded", row_header=True)
    total_nano = SettledExactColumn("To pay", vocabulary="invoice_status")
    origin = ShellColumn("From")
    state = ShellColumn("State")


class CorrectionTable(PastTable):
    """Old → new → why."""

    caption = "Corrections of closed months"
    default_sort = "-recorded_at"

    close = ShellColumn(
        "Closed month", accessor="close__issuer", url=LinkThen("close", "close__key"),
        fields=("close__key",), sub="close__billing_account_id", row_header=True, orderable=False,
    )  # fmt: skip
    month = MonthColumn("Month", accessor="close__month", orderable=False)
    number = NumberColumn("No.", orderable=False)
    cause = CauseColumn("Cause", vocabulary="correction_cause", sub="reason", orderable=False)
    moved_nano = SettledWordColumn(
        "Difference", currency_key="close__currency", orderable=False, status_key="new_status",
        help_text="Of the billed sum; money that only changes its place leaves it as it was",
    )  # fmt: skip
    between = BetweenColumn(
        "Moved", moved_between, currency_key="close__currency", accessor="moves", orderable=False,
        status_key="new_status",
        help_text="The larger of what came to places and what went from them",
    )  # fmt: skip
    to_pay = BetweenColumn(
        "To pay", payable_between, currency_key="close__currency", accessor="moves",
        orderable=False, status_key="new_status", help_text="By how much more the invoices ask",
    )  # fmt: skip
    old_nano = SettledColumn(
        "Old", currency_key="close__currency", orderable=False, status_key="old_status"
    )
    new_nano = SettledColumn(
        "New", currency_key="close__currency", orderable=False, status_key="new_status"
    )
    recorded_at = MomentColumn("Recorded")

    def enrich(self, records: Sequence[Record]) -> Sequence[Record]:
        found = []
        for record in records:
            old, new = statuses_of_correction(record["number"])
            told = {"old_status": old, "new_status": new, "as_of": self.moment}
            found.append({**record, **told})
        return found


class MoveTable(ShellTable):
    """What one correction moved."""

    caption = "What moved"

    place = ShellColumn("Place", row_header=True)
    old_nano = SettledExactColumn("Old", status_key="old_status", reason="not stated")
    new_nano = SettledExactColumn("New", status_key="new_status", reason="not stated")
    moved_nano = SettledDifferenceColumn("Difference", reason="not known", status_key="new_status")


class FrozenTable(ShellTable):
    """The frozen figures of a close."""

    caption = "Frozen figures"

    place = ShellColumn(
        "Invoice and part", url=lambda record: record["url"], fields=("url",), sub="note",
        row_header=True,
    )  # fmt: skip
    amount_nano = SettledExactColumn("Amount")


class FrozenExplanationTable(ShellTable):
    """What people had explained of the invoices when their month was closed."""

    caption = "Explained in the frozen figures"

    number = ShellColumn(
        "Invoice", url=lambda record: record["url"], fields=("url",), row_header=True
    )
    reason = ShellColumn("Reason", sub="note", fields=("note",))
    amount_nano = SettledExactColumn("Amount")
    who = ShellColumn("By")


class RateTable(ShellTable):
    """Dated exchange rates."""

    caption = "Exchange rates"
    default_sort = "-day"

    day = DateColumn("Day", row_header=True)
    base = ShellColumn("One unit of")
    rate = ShellColumn("Is", orderable=False)
    quote = ShellColumn("Of")
    source = ShellColumn("Source", orderable=False)
    recorded_at = MomentColumn("Recorded", orderable=False)


class ConversionTable(ShellTable):
    """An amount in two currencies, with the rate between them."""

    caption = "Converted amounts"

    month = ShellColumn("Month", row_header=True)
    original_nano = SettledColumn("Billed")
    nano = SettledWordColumn("Converted", currency_key="quote", nullable=True, reason_key="reason")
    rate = ShellColumn("Rate", reason="none")
