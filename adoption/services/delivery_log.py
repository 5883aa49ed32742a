"""The dated lines of a delivery: each move with its reason, written with the move itself."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from adoption.delivery_states import why_moved
from adoption.models import Delivery, DeliveryEvent

_BATCH = 500


def move_line(delivery: Delivery, before: str, *, at: datetime) -> DeliveryEvent | None:
    """The line for a delivery that has moved from `before`; None when its state is the same."""
    if delivery.state == before:
        return None
    reason = why_moved(before, delivery.state, delivery.state_reason)
    return DeliveryEvent(
        delivery=delivery, at=at, from_state=before, to_state=delivery.state, reason=reason[:300]
    )


def write_lines(lines: Iterable[DeliveryEvent | None]) -> None:
    """Write the lines that there are, in the transaction of the moves."""
    found = [line for line in lines if line is not None]
    DeliveryEvent.objects.bulk_create(found, batch_size=_BATCH)
