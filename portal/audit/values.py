"""The actor as the database is told, and the digests that both sides compute alike."""

from __future__ import annotations

import hashlib
import json

from portal.audit.context import Actor

SEPARATOR = "\x1f"
HIDDEN = "(hidden)"
PERSONAL = "(personal)"


def digest(text: str) -> str:
    """SHA-256 of the UTF-8 text, in hexadecimal digits."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def commitment(salt: str, person_id: int | None, value: str) -> str:
    """What an event holds in place of a clear value: a digest of it, of whose it is, and a salt."""
    return digest(f"{salt}:{'' if person_id is None else person_id}:{value}")


def clean(text: str) -> str:
    """Text as both databases take it: no lone surrogate, and no character 0 in PostgreSQL."""
    return (
        text.encode("utf-8", "replace").decode("utf-8").replace("\x00", "\N{REPLACEMENT CHARACTER}")
    )


def actor_value(actor: Actor, field: str) -> str | int | None:
    """One attribute of the actor, as the triggers want it."""
    value = getattr(actor, field)
    return clean(str(value)) if isinstance(value, str) else value  # a choice is a str as well


def actor_json(actor: Actor) -> str:
    """The whole actor as one setting of a PostgreSQL session."""
    fields = ("channel", "user_id", "name", "token_id", "request_id", "reason")
    return json.dumps({field: actor_value(actor, field) for field in fields})
