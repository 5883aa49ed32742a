"""What a logged delivery makes of the suggestions of its change; knows no other service."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from adoption.choices import SuggestionState
from adoption.models import Delivery, Suggestion

LOGGED_BY_A_COLLEAGUE = "It has been logged already; a change counts once."
_STILL = (SuggestionState.OFFERED, SuggestionState.EXPIRED, SuggestionState.WITHDRAWN)


def lock_suggestions_of(change_id: int) -> list[Suggestion]:
    """Every suggestion of one change, locked in one order, before anything is written about it.

    Whoever confirms and whoever logs the change by its link wait for one another here.
    """
    rows = Suggestion.objects.select_for_update(of=("self",)).filter(change_id=change_id)
    return list(rows.order_by("pk"))


def settle_logged(rows: Iterable[Suggestion], delivery: Delivery, *, at: datetime) -> None:
    """The person's own suggestion is confirmed, however they logged it; a colleague's ends."""
    for row in rows:
        if row.user_id == delivery.claimed_by_id:
            row.state, row.state_reason = SuggestionState.CONFIRMED, ""
            row.dismissal, row.decided_at, row.delivery = "", at, delivery
        elif row.state in _STILL:
            row.state, row.state_reason = SuggestionState.WITHDRAWN, LOGGED_BY_A_COLLEAGUE
        else:
            continue
        row.save(update_fields=["state", "state_reason", "dismissal", "decided_at", "delivery"])
