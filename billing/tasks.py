"""Background work of the billing room: each task makes one service call."""

from __future__ import annotations

import structlog
from celery import shared_task
from django.utils import timezone
from kombu.exceptions import OperationalError

from billing.services.allocation_rules import apply_pending_rules

log = structlog.get_logger(__name__)


@shared_task(name="billing.tasks.apply_allocation_rules")
def apply_allocation_rules() -> None:
    """Allocate anew what changed rules reach; nothing when no rule waits."""
    apply_pending_rules(at=timezone.now())


def hint_allocation() -> bool:
    """Tell the queue that a rule waits. The rule's row is the truth, so a dead broker is no error.

    Returns:
        whether the broker took the message.
    """
    try:
        apply_allocation_rules.delay()
    except OperationalError as error:
        log.warning("broker_unreachable", detail=str(error))
        return False
    return True
