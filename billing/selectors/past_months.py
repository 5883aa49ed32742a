"""A billing month at an earlier moment: the lines, the invoices and the statuses of then."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django.db.models import Exists, OuterRef, Q

from billing.models import Charge, Invoice, InvoiceVariance, Restatement
from billing.selectors.close_checks import (
    Checklist,
    CloseEvents,
    checklists_of,
    closes_of_month,
    requests_of_month,
)
from billing.selectors.costs import SumDraft
from billing.selectors.invoice_status import (
    InvoiceStatuses,
    MonthStatuses,
    Where,
    said_of,
    statuses_of_invoices,
)
from billing.selectors.line_status import facts_of, merged
from billing.selectors.month_lines import of_month
from billing.selectors.open_suspicions import Suspicion
from billing.selectors.past_month_lines import PastLines, past_month_lines
from billing.selectors.past_suspicions import past_suspicions_of_month
from billing.selectors.provider_totals import provider_totals
from billing.selectors.reconciliation import Reconciled, Reconciliation, match
from billing.selectors.trials import recorded_at
from portal.selectors.pending_approvals import requests_waiting
from portal.shell.periods import Month
from portal.shell.statuses import FigureStatus


@dataclass(frozen=True)
class PastMonth:
    """A billing month as recorded at a moment; a `month_books.MonthBook`.

    Attributes:
        found: the invoices of then beside the lines of then.
        taken_back: connection and account of slices that their source had taken back whole.
    """

    at: dt.datetime
    found: Reconciliation
    read: PastLines
    taken_back: set[tuple[int, str]]

    def checklists(self) -> list[Checklist]:
        """How far each of its scopes had come. About six queries.

        Raises:
            TooManyChargesError: there are too many to say what seemed to be there twice.
        """
        return checklists_of(self.found, now=self.at, events=self._events())

    def line_statuses(self) -> MonthStatuses:
        """How settled its lines were. No query."""
        drafts = {key: merged(places.values()) for key, places in self.read.drafts.items()}
        return MonthStatuses(self.read.book, drafts, self.taken_back)

    def invoice_statuses(self, own: Reconciled) -> InvoiceStatuses:
        """How settled everything was that an invoice was made of. Three queries."""
        keys = {group.key for group in own.groups}
        is_cut = bool(self.taken_back & {(key.connection_id, key.account) for key in keys})
        drafts: dict[Where, SumDraft] = {}
        for key in keys:
            for place, draft in self.read.drafts[key].items():
                where = Where(key.category, place)
                drafts.setdefault(where, SumDraft(restated=1 if is_cut else 0)).absorb(draft)
        (said,) = said_of([own.invoice], until=self.at)
        return InvoiceStatuses(own, said.finality, self.read.book, drafts, said.moved)

    def stated(self, rows: Sequence[Mapping[str, Any] | Invoice]) -> list[FigureStatus]:
        """How settled was what some invoices state. Three queries."""
        return statuses_of_invoices(rows, until=self.at)

    def suspicions(self) -> Sequence[Suspicion]:
        """Money of the month (UTC) that seemed to be there twice.

        Raises:
            TooManyChargesError: there are too many to say it.
        """
        return self._doubled

    @cached_property
    def _doubled(self) -> list[Suspicion]:
        return past_suspicions_of_month(self.found.month, self.at)

    def _events(self) -> CloseEvents:
        """What people had done about the closes of the month, and what stood against one.

        How far a rule had been applied is not kept: the lines are those that its rules give.
        """
        month = self.found.month
        closes, corrections = closes_of_month(month, until=self.at)
        requests = requests_of_month(month, requests_waiting(self.at))
        return CloseEvents(
            closes, corrections, requests, pending=False, doubled=self._doubled,
            totals=provider_totals(month, until=self.at),
        )  # fmt: skip

    def live(self) -> Q:
        """Cost lines that were in force."""
        return recorded_at(self.at)

    def of_charges(self, charges: Iterable[Charge]) -> dict[int, FigureStatus]:
        """By number, how settled lines of the month were, read with their dimensions. No query."""
        book = self.read.book
        return {each.pk: book.status_of_line(facts_of(each), each.cost_basis) for each in charges}


def past_month(month: Month, at: dt.datetime, *, most: int | None) -> PastMonth:
    """The month as recorded at `at`. About twenty queries.

    Args:
        most: how many charges may be gone through; None for any number.

    Raises:
        TooManyChargesError: there are more than `most` charges to go through.
    """
    read = past_month_lines(month, at, most=most)
    invoices = invoices_recorded_at(month, at)
    found = match(read.lines, invoices, _variances(invoices, at))
    return PastMonth(at, found, read, _taken_back(month, at))


def invoices_recorded_at(month: Month, at: dt.datetime) -> list[Invoice]:
    """The versions of invoices of a month that were in force, as they stood. One query."""
    rows = Invoice.objects.filter(recorded_at(at), month=month.start)
    return [
        as_it_stood(each, at)
        for each in rows.select_related("entered_by", "run").order_by("issuer", "number", "pk")
    ]


def as_it_stood(invoice: Invoice, at: dt.datetime) -> Invoice:
    """A version that had been recorded by `at`, as it was then. For reading, never to be saved."""
    if invoice.superseded_at is not None and invoice.superseded_at > at:
        invoice.superseded_at = None
    return invoice


def _variances(invoices: Iterable[Invoice], at: dt.datetime) -> dict[int, list[InvoiceVariance]]:
    """What people had explained of these versions and not taken back."""
    found: dict[int, list[InvoiceVariance]] = {}
    rows = InvoiceVariance.objects.filter(
        Q(withdrawn_at__isnull=True) | Q(withdrawn_at__gt=at),
        recorded_at__lte=at,
        invoice_id__in=[each.pk for each in invoices],
    )
    for each in rows.select_related("recorded_by").order_by("pk"):
        found.setdefault(each.invoice_id, []).append(each)
    return found


def _taken_back(month: Month, at: dt.datetime) -> set[tuple[int, str]]:
    """Connection and account of slices that their source had taken back whole."""
    live = Charge.objects.filter(recorded_at(at), slice_id=OuterRef("slice_id"))
    rows = Restatement.objects.filter(
        ~Exists(live), of_month(month, "slice__"), restated_at__lte=at
    )
    places = rows.order_by().values_list("slice__connection_id", "slice__billing_account_id")
    return set(places.distinct())
