"""The demo's other sources: what a newcomer finds, on any day of a month, and only once."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.core.management import call_command
from django.utils import timezone

from billing.choices import CloseState, CorrectionCause, CostBasis
from billing.models import (
    Anomaly,
    BreakerTrip,
    Charge,
    CloseCorrection,
    MonthlyCost,
    SpendOverlap,
    Usage,
)
from billing.selectors.close_checks import checklists
from billing.selectors.exchange import rates_between
from billing.selectors.open_suspicions import suspicions_to_settle
from portal.choices import RunStatus
from portal.models import ImportRun
from portal.shell.money import from_nano
from portal.shell.periods import Month
from tests.billing.demo.story import build_billing, short_programme, stored
from tests.plugins.sweeping import sampled

pytestmark = pytest.mark.django_db
# In the past, because a database refuses a decision of a time to come by its own clock.
MIDDLE, FIRST = (datetime(2025, 3, 18, 9, tzinfo=UTC), datetime(2025, 4, 1, 0, 5, tzinfo=UTC))
DAYS = [MIDDLE, FIRST, datetime(2025, 5, 2, 9, tzinfo=UTC), datetime(2025, 1, 1, 9, tzinfo=UTC)]


@pytest.mark.parametrize("now", sampled(DAYS, MIDDLE, FIRST), ids=lambda now: f"{now:%m-%d}")
def test_a_newcomer_finds_every_kind_of_source_on_any_day(
    tmp_path: Path, settings: Any, now: datetime
) -> None:
    settings.SHARED_DATA_DIR = tmp_path / "none"
    with time_machine.travel(now, tick=True):
        context = short_programme(tmp_path, now)
        build_billing(context)
        _look(context.people["finance"], Month.of(now.date()) - 1)
        before = stored()
        build_billing(context)
        assert stored() == before


def _look(finance: Any, last: Month) -> None:
    """`last` is the newest full month."""
    runs = dict(ImportRun.objects.order_by("pk").values_list("connection__slug", "status"))
    held = {slug for slug, status in runs.items() if status != RunStatus.APPLIED}
    assert held == {"nimbus-cloud"}  # its second issue, with amounts a hundred times too high
    # Usage and models.
    assert Usage.objects.filter(dimension__provider="Anthropic").exists()
    models = set(MonthlyCost.objects.values_list("model", flat=True))
    assert {"atlas-large", "atlas-small", "lexica-read-2", "claude-haiku-4-5"} <= models
    kinds = set(MonthlyCost.objects.values_list("currency", "cost_basis").distinct())
    assert kinds == {
        ("USD", CostBasis.INVOICED), ("EUR", CostBasis.INVOICED), ("USD", CostBasis.METERED),
        ("USD", CostBasis.ESTIMATED), ("USD", CostBasis.DERIVED),
    }  # fmt: skip
    # No use case has two of them, or its cost per held delivery would be none.
    of_use_cases = MonthlyCost.objects.filter(use_case__isnull=False)
    pairs = set(of_use_cases.values_list("use_case", "currency", "cost_basis"))
    assert len(pairs) == len({case for case, _, _ in pairs}) == 5
    _look_at_money(last)
    # What waits for somebody.
    (suspicion,) = suspicions_to_settle(finance)
    assert {suspicion.first.slug, suspicion.second.slug} == {"anthropic", "nimbus-marketplace"}
    overlap = SpendOverlap.objects.get()
    assert (overlap.counted.slug, overlap.other.slug) == ("foundry-models", "model-gateway")
    assert Anomaly.objects.filter(acknowledged_at__isnull=True).exists()
    assert BreakerTrip.objects.filter(reset_at__isnull=True).count() == 1


def _look_at_money(last: Month) -> None:
    seats = Charge.objects.filter(slice__connection__slug="coding-seats")
    purchases = seats.filter(dimension__charge_category="Purchase")
    assert {from_nano(each.billed_nano) for each in purchases} == {Decimal(300)}
    assert purchases.count() == 3
    lists = [each for back in range(4) for each in checklists(last - back, now=timezone.now())[1]]
    assert len(lists) == 12  # three issuers, four months
    for each in lists:
        if each.state != CloseState.CORRECTED:
            assert [own.residual_nano for own in each.invoices] == [0], each.scope
    newest, *older = [each.state for each in lists if each.scope.currency == "EUR"]
    assert newest in (CloseState.READY, CloseState.WAITING)  # its calm days may not be over
    assert older == [CloseState.CLOSED] * 3
    causes = CloseCorrection.objects.values_list("cause", flat=True)
    assert CorrectionCause.IMPORT in causes
    rates = rates_between({"EUR"}, "USD")
    assert rates.convert(10**9, "EUR", "USD", last.start).nano is not None


@pytest.mark.sweep
def test_the_whole_demo_run_again_changes_nothing(tmp_path: Path, settings: Any) -> None:
    settings.SHARED_DATA_DIR = tmp_path / "none"
    call_command("demo", "--json")
    before = stored()
    call_command("demo", "--json")
    assert stored() == before
