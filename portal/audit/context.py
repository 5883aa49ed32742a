"""Who is acting, by which way and why: known wherever a row is written.

A page, the API, a command and a task each say who acts once, at the edge; the audit triggers, the
approvals and the outbox read it here. Services pass `actor` where the actor is part of what they
do; nothing but the audit depends on this context, except rules that must not believe an argument.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from typing import Any

from django.db import models


class Channel(models.TextChoices):
    """By which way somebody acts."""

    PAGE = "page", "Page"
    API = "api", "API, signed in"
    TOKEN = "token", "API token"
    COMMAND = "command", "Command"
    TASK = "task", "Background work"
    SYSTEM = "system", "The portal itself"


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """Who acts now.

    Attributes:
        user_id: the person; None for nobody signed in, commands, tasks and the portal itself.
        name: the name as it was at that moment; for a command the operating system's account.
        channel: by which way.
        token_id: the API token that was used, if one was; its owner is `user_id`.
        request_id: as in the log.
        reason: why, in the actor's words; empty when nobody asked for it.
    """

    channel: Channel = Channel.SYSTEM
    user_id: int | None = None
    name: str = ""
    token_id: int | None = None
    request_id: str = ""
    reason: str = ""


_NOBODY_SAID = Actor()
_current: ContextVar[Actor] = ContextVar("plumbline_actor", default=_NOBODY_SAID)


def current_actor() -> Actor:
    """Who acts now; the portal itself when nobody said."""
    return _current.get()


def set_actor(actor: Actor) -> None:
    """Replace the actor until the surrounding `acting` ends: authentication comes late."""
    _current.set(actor)


@contextmanager
def acting(**changes: Any) -> Iterator[Actor]:
    """Act as described within the block; what is not named stays as it was.

    Raises:
        TypeError: `Actor` has no such attribute.
    """
    actor = replace(_current.get(), **changes)
    token = _current.set(actor)
    try:
        yield actor
    finally:
        _current.reset(token)


def because(reason: str) -> None:
    """Add the reason that a person gave to what is done from here on."""
    set_actor(replace(current_actor(), reason=reason.strip()))
