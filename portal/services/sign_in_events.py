"""Writing down what happened at the door."""

from __future__ import annotations

from datetime import datetime

import structlog

from portal.audit.context import current_actor
from portal.choices import SignInEventKind
from portal.models import SignInEvent, User

log = structlog.get_logger(__name__)
_LOUD = {SignInEventKind.BREAK_GLASS_USED}
_WARN = {SignInEventKind.REFUSED, SignInEventKind.LOCKED, SignInEventKind.FACTOR_RESET}


def record_sign_in_event(
    *,
    kind: SignInEventKind,
    user: User,
    at: datetime,
    address: str | None = None,
    detail: str = "",
    actor: User | None = None,
) -> SignInEvent:
    """Store one event and log it. Who acted otherwise is taken from the surrounding context."""
    context = current_actor()
    event = SignInEvent.objects.create(
        at=at,
        kind=kind,
        user=user,
        username=user.username,
        actor_id=actor.pk if actor else context.user_id,
        actor_name=(actor.get_full_name() if actor else context.name)[:150],
        address=address,
        detail=detail[:500],
    )
    level = "error" if kind in _LOUD else "warning" if kind in _WARN else "info"
    getattr(log, level)(f"sign_in_{kind.value}", user=user.pk, address=address, detail=detail)
    return event
