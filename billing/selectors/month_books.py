"""A billing month for pages and answers: as it is, or as it was at a moment, asked the same way."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from django.db.models import Q

from billing.models import Charge, Invoice
from billing.policies import may_see_charges
from billing.selectors.close_checks import Checklist, checklists_of
from billing.selectors.invoice_status import (
    InvoiceStatuses,
    MonthStatuses,
    invoice_statuses,
    month_statuses,
    statuses_of_invoices,
)
from billing.selectors.line_status import statuses_of_charges
from billing.selectors.open_suspicions import Suspicion, suspicions_in
from billing.selectors.past_costs import MOST_CHARGES_AS_OF
from billing.selectors.past_months import past_month
from billing.selectors.reconciliation import Reconciled, Reconciliation, reconcile
from billing.selectors.references import FigureReference
from portal.policies import AnyUser
from portal.shell.periods import Month
from portal.shell.statuses import FigureStatus


class MonthBook(Protocol):
    """What is asked of a billing month."""

    @property
    def found(self) -> Reconciliation:
        """Its invoices beside its lines."""

    def checklists(self) -> list[Checklist]:
        """How far each of its scopes has come."""

    def line_statuses(self) -> MonthStatuses:
        """How settled its lines are."""

    def invoice_statuses(self, own: Reconciled) -> InvoiceStatuses:
        """How settled everything is that an invoice is made of."""

    def stated(self, rows: Sequence[Mapping[str, Any] | Invoice]) -> list[FigureStatus]:
        """How settled is what some invoices state, in their order."""

    def suspicions(self) -> Sequence[Suspicion]:
        """Money of the month that seems to be there twice, for the head of a page."""

    def live(self) -> Q:
        """Cost lines that are in force."""

    def of_charges(self, charges: Collection[Charge]) -> dict[int, FigureStatus]:
        """By number, how settled lines of the month are, read with their dimensions."""


@dataclass(frozen=True, slots=True)
class PresentMonth:
    """A billing month as it is."""

    found: Reconciliation
    now: dt.datetime

    def checklists(self) -> list[Checklist]:
        """Seven queries, nine where two sources have a provider in common."""
        return checklists_of(self.found, now=self.now)

    def line_statuses(self) -> MonthStatuses:
        """Six queries."""
        return month_statuses(self.found.month, now=self.now)

    def invoice_statuses(self, own: Reconciled) -> InvoiceStatuses:
        """Nine queries."""
        return invoice_statuses(own, now=self.now)

    def stated(self, rows: Sequence[Mapping[str, Any] | Invoice]) -> list[FigureStatus]:
        """Three queries."""
        return statuses_of_invoices(rows)

    def suspicions(self) -> list[Suspicion]:
        """What looks alike is kept until a cost is written; about three queries."""
        month = self.found.month
        return suspicions_in(FigureReference(first=month, last=month))

    def live(self) -> Q:
        """Cost lines that nothing has superseded."""
        return Q(superseded_at__isnull=True)

    def of_charges(self, charges: Collection[Charge]) -> dict[int, FigureStatus]:
        """Four queries."""
        return statuses_of_charges(charges, now=self.now)


def month_book(month: Month, *, at: dt.datetime | None, now: dt.datetime) -> MonthBook:
    """A month as it is, or was at `at`.

    Raises:
        TooManyChargesError: more charges than are worked out as of a moment.
    """
    if at is None:
        return PresentMonth(reconcile(month), now)
    return past_month(month, at, most=MOST_CHARGES_AS_OF)


def month_book_for(
    user: AnyUser, month: Month, *, at: dt.datetime | None, now: dt.datetime
) -> MonthBook | None:
    """The same for those who answer for money; None for others.

    Raises:
        TooManyChargesError: more charges than are worked out as of a moment.
    """
    return month_book(month, at=at, now=now) if may_see_charges(user) else None
