"""Refused attempts of one request, written down when its own transaction is over.

What refuses often does so inside a transaction that is then rolled back; an event written there
would go with it. Within a request refusals are therefore kept until its end.
"""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass, field

import structlog
from django.db.utils import DatabaseError
from django.http import HttpRequest, HttpResponse

from portal.audit.context import Actor, current_actor, set_actor
from portal.audit.record import record_event
from portal.choices import AuditOperation

log = structlog.get_logger(__name__)
FORBIDDEN = 403
_LONGEST = 500


@dataclass(frozen=True, slots=True)
class Denial:
    """One refused attempt, and who made it."""

    what: str
    subject: str
    detail: str
    actor: Actor = field(compare=False)


_pending: ContextVar[list[Denial] | None] = ContextVar("plumbline_denials", default=None)


def note_denial(what: str, subject: str, detail: str) -> None:
    """Keep the refusal until the request ends; outside a request write it at once."""
    denial = Denial(what[:80], subject[:_LONGEST], detail[:_LONGEST], current_actor())
    pending = _pending.get()
    if pending is None:
        _write(denial)
    elif denial not in pending:
        pending.append(denial)


def _write(denial: Denial) -> None:
    record_event(
        operation=AuditOperation.DENIED,
        table=denial.what,
        key=denial.subject,
        facts={"detail": denial.detail} if denial.detail else {},
    )


class DenialMiddleware:
    """Writes down what was refused in the request, and any answer 403 that nobody named."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        token = _pending.set([])
        try:
            response = self.get_response(request)
            if response.status_code == FORBIDDEN and not _pending.get():
                route = request.resolver_match.view_name if request.resolver_match else ""
                note_denial(f"{request.method} {route}".strip(), request.path, "")
        finally:
            pending = _pending.get() or []
            _pending.reset(token)
            _write_all(pending)
        return response


def _write_all(pending: list[Denial]) -> None:
    now = current_actor()
    try:
        for denial in pending:
            set_actor(denial.actor)
            _write(denial)
    except DatabaseError:
        # The answer stays a refusal, whatever becomes of its record.
        log.exception("denial_not_recorded")
    finally:
        set_actor(now)
