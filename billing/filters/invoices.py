"""Filters of invoices, corrections and exchange rates."""

from __future__ import annotations

import django_filters

from billing.choices import CorrectionCause
from billing.models import CloseCorrection, ExchangeRate, Invoice
from portal.shell.filters import MonthFilter, SearchFilter, ShellFilterSet


class InvoiceFilters(ShellFilterSet):
    """By text and billing month."""

    q = SearchFilter(fields=("issuer", "number", "billing_account_id"))
    month = MonthFilter(field_name="month", label="Billing month")

    class Meta:
        model = Invoice
        fields = ()


class CorrectionFilters(ShellFilterSet):
    """By text, closed month and cause."""

    q = SearchFilter(fields=("reason", "close__issuer", "close__billing_account_id"))
    month = MonthFilter(field_name="close__month", label="Closed month")
    cause = django_filters.ChoiceFilter(
        choices=CorrectionCause.choices, empty_label="Any", label="Cause"
    )

    class Meta:
        model = CloseCorrection
        fields = ()


class RateFilters(ShellFilterSet):
    """By text (currency or source) and month."""

    q = SearchFilter(fields=("base", "quote", "source"))
    month = MonthFilter(field_name="day", label="Month")

    class Meta:
        model = ExchangeRate
        fields = ()
