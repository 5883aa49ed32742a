"""Filters of invoices, corrections and exchange rates."""

from __future__ import annotations

from typing import Any

import django_filters
from django.db.models import Q, QuerySet

from billing.choices import CorrectionCause
from billing.filters.moments import AsOfFilterSet, HappenedFilter, MomentFilter
from billing.models import CloseCorrection, ExchangeRate, Invoice
from portal.shell.filters import MonthFilter, SearchFilter

WITHDRAWN = "withdrawn"


class InvoiceFilters(AsOfFilterSet):
    """By text, billing month, whether the document is there, and whether it was withdrawn; as of a
    moment."""

    q = SearchFilter(fields=("issuer", "number", "billing_account_id"))
    month = MonthFilter(field_name="month", label="Billing month")
    document = django_filters.ChoiceFilter(
        choices=[("missing", "Without a document"), ("attached", "With its document")],
        empty_label="Any",
        label="Document",
        method="filter_document",
    )
    state = django_filters.ChoiceFilter(
        choices=[(WITHDRAWN, "Withdrawn")],
        empty_label="In force",
        label="State",
        method="filter_state",
    )
    as_of = MomentFilter()

    def filter_state(self, rows: QuerySet[Any], name: str, value: str) -> QuerySet[Any]:
        """Nothing more: which of both, the page has chosen."""
        return rows

    def filter_document(self, rows: QuerySet[Any], name: str, value: str) -> QuerySet[Any]:
        """Invoices whose document nobody has attached, or the others."""
        missing = Q(document_sha256="")
        return rows.filter(missing if value == "missing" else ~missing)

    class Meta:
        model = Invoice
        fields = ()


class CorrectionFilters(AsOfFilterSet):
    """By text, closed month and cause; as of a moment."""

    q = SearchFilter(fields=("reason", "close__issuer", "close__billing_account_id"))
    month = MonthFilter(field_name="close__month", label="Closed month")
    cause = django_filters.ChoiceFilter(
        choices=CorrectionCause.choices, empty_label="Any", label="Cause"
    )
    as_of = HappenedFilter(field_name="recorded_at")

    class Meta:
        model = CloseCorrection
        fields = ()


class RateFilters(AsOfFilterSet):
    """By text (currency or source) and month; as of a moment."""

    q = SearchFilter(fields=("base", "quote", "source"))
    month = MonthFilter(field_name="day", label="Month")
    as_of = MomentFilter()

    class Meta:
        model = ExchangeRate
        fields = ()
