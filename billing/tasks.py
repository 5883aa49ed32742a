"""Background work of the billing room: each task makes one service call."""

from __future__ import annotations

from celery import shared_task
from django.utils import timezone

from billing.services.allocation_rules import apply_pending_rules
from billing.services.breakers import check_breakers
from billing.services.finance_notices import tell_news
from billing.services.forecasts import freeze_forecasts
from billing.services.unmapped_notices import tell_by_morning
from billing.services.watch import watch_costs


@shared_task(name="billing.tasks.apply_allocation_rules")
def apply_allocation_rules() -> None:
    """Allocate anew what changed rules reach; nothing when no rule waits."""
    apply_pending_rules(at=timezone.now())


@shared_task(name="billing.tasks.freeze_forecasts")
def freeze_month_forecasts() -> None:
    """Freeze what the month that has just begun is expected to cost."""
    freeze_forecasts(at=timezone.now())


@shared_task(name="billing.tasks.watch_costs")
def watch() -> None:
    """Look at circuit breakers, budgets and anomalies."""
    watch_costs(at=timezone.now())


@shared_task(name="billing.tasks.check_breakers")
def look_at_breakers() -> None:
    """Trip the circuit breakers of jobs over their limit."""
    check_breakers(at=timezone.now())


@shared_task(name="billing.tasks.tell_finance")
def tell_finance() -> None:
    """Tell of corrections of closed months and of new invoices."""
    tell_news(at=timezone.now())


@shared_task(name="billing.tasks.tell_differences")
def tell_of_differences() -> None:
    """Tell of invoices that leave much unexplained, and of new names without a use case."""
    tell_by_morning(at=timezone.now())
