"""Background work of the billing room: each task makes one service call."""

from __future__ import annotations

from celery import shared_task
from django.utils import timezone

from billing.services.allocation_rules import apply_pending_rules
from billing.services.breakers import check_breakers
from billing.services.forecasts import freeze_forecasts
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
