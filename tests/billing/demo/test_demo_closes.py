"""The demo's invoices and closes, over a short programme."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.utils import timezone

from billing.choices import CloseState, CorrectionCause
from billing.demo.closes import build_invoices, close_months
from billing.demo.steps import build_bills
from billing.models import CloseCorrection, ExchangeRate, Invoice, InvoiceVariance, PeriodClose
from billing.selectors.close_checks import checklists
from portal.shell.periods import Month
from tests.billing.demo.story import short_programme

pytestmark = pytest.mark.django_db


def test_some_months_are_closed_one_was_explained_and_one_revised(tmp_path: Path) -> None:
    now = timezone.now()
    newest = Month.of(now.date()) - 1
    context = short_programme(tmp_path, now)
    for _ in range(2):  # the second time changes nothing
        build_bills(context)
        build_invoices(context)
        close_months(context)
    assert Invoice.objects.count() == 8
    assert ExchangeRate.objects.count() == 4
    assert PeriodClose.objects.count() == 6
    assert InvoiceVariance.objects.get().amount_nano == 18_400_000_000
    assert CloseCorrection.objects.get().cause == CorrectionCause.IMPORT
    states = [each.state for each in checklists(newest, now=now)[1]]
    assert states[0] == CloseState.WAITING  # revised this week: its calm days are not over
