"""Background work of the billing room: each task makes one service call."""

from __future__ import annotations

from celery import shared_task
from django.utils import timezone

from billing.services.allocation_rules import apply_pending_rules


@shared_task(name="billing.tasks.apply_allocation_rules")
def apply_allocation_rules() -> None:
    """Allocate anew what changed rules reach; nothing when no rule waits."""
    apply_pending_rules(at=timezone.now())
