"""Signatures of outgoing requests, in the form that receivers know as Standard Webhooks.

The signature is an HMAC-SHA256 over `id.timestamp.body`, the body being the bytes as sent. The
identifier is that of the event and stays through all attempts; the timestamp is that of the
attempt, so that an old request cannot be played back.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from datetime import UTC, datetime

PREFIX = "whsec_"
_SECRET_BYTES = 32
_SHORTEST, _LONGEST = 24, 64  # bytes


class BadSecretError(ValueError):
    """The text is no secret for signing; the message says what is expected."""


def new_secret() -> str:
    """A fresh secret: `whsec_` and 32 random bytes in base64."""
    return PREFIX + base64.b64encode(secrets.token_bytes(_SECRET_BYTES)).decode("ascii")


def _key_of(secret: str) -> bytes:
    try:
        key = base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    except ValueError:
        key = b""
    if not secret.startswith(PREFIX) or not _SHORTEST <= len(key) <= _LONGEST:
        raise BadSecretError(f"expected {PREFIX} and {_SHORTEST} to {_LONGEST} bytes in base64")
    return key


def signed_headers(*, secret: str, message_id: str, body: bytes, at: datetime) -> dict[str, str]:
    """The three headers of a signed request.

    Args:
        at: the moment of the attempt (aware).

    Raises:
        BadSecretError: the secret has another form.
    """
    timestamp = str(int(at.astimezone(UTC).timestamp()))
    content = f"{message_id}.{timestamp}.".encode() + body
    digest = hmac.new(_key_of(secret), content, hashlib.sha256).digest()
    return {
        "webhook-id": message_id,
        "webhook-timestamp": timestamp,
        "webhook-signature": f"v1,{base64.b64encode(digest).decode('ascii')}",
    }
