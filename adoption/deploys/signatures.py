"""Proving that a hook comes from who it says: always over the raw bytes, always in constant time.

Several secrets may be valid at once, so that one can be replaced without losing a delivery.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import hashlib
import hmac
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from enum import StrEnum

TOLERANCE = timedelta(minutes=5)  # between a signed timestamp and our clock, either way
_PREFIX = "whsec_"
_MOST_SIGNATURES = 16  # in one header; a sender in the middle of a rotation has two


class Refusal(StrEnum):
    """Why a delivery is not believed; stable codes."""

    NO_SECRET = "no_secret"  # noqa: S105  (the code of a refusal)
    MISSING = "signature_missing"
    MALFORMED = "signature_malformed"
    WRONG = "signature_wrong"
    STALE = "timestamp_out_of_range"


SAID: Mapping[Refusal, str] = {
    Refusal.NO_SECRET: "This connection has no secret yet, so nothing sent to it can be proved.",
    Refusal.MISSING: "The delivery is not signed as this connection expects.",
    Refusal.MALFORMED: "The signature, its id or its timestamp cannot be read.",
    Refusal.WRONG: "The signature was made with another secret or over other bytes.",
    Refusal.STALE: "The signed timestamp is more than five minutes from now.",
}


class UnprovenError(Exception):
    """The delivery is not believed; `why` says what is wrong with its proof."""

    def __init__(self, why: Refusal) -> None:
        self.why = why
        super().__init__(SAID[why])


def _equal(given: bytes, expected: bytes) -> bool:
    return hmac.compare_digest(given, expected)


def _hex_mac(secret: str, body: bytes) -> bytes:
    return hmac.new(secret.encode(), body, hashlib.sha256).hexdigest().encode()


def _check_hex(given: Iterable[str], body: bytes, secrets: Sequence[str]) -> None:
    # Every pair is compared, so that the time says nothing about which secret fits.
    expected = [_hex_mac(secret, body) for secret in secrets]
    # Not lower-cased: a signature has exactly one way to be written.
    fits = [_equal(each.encode("utf-8", "replace"), right) for each in given for right in expected]
    if not any(fits):
        raise UnprovenError(Refusal.WRONG)


def check_sha256_header(header: str | None, body: bytes, secrets: Sequence[str]) -> None:
    """`sha256=<hex>`: GitHub and Bitbucket. A SHA-1 signature is none.

    Raises:
        UnprovenError: missing, malformed or wrong.
    """
    if not header:
        raise UnprovenError(Refusal.MISSING)
    scheme, _, given = header.partition("=")
    if scheme != "sha256" or not given:
        raise UnprovenError(Refusal.MALFORMED)
    _check_hex([given], body, secrets)


def check_circleci(header: str | None, body: bytes, secrets: Sequence[str]) -> None:
    """`v1=<hex>,v2=…`: only v1 is known.

    Raises:
        UnprovenError: missing, malformed or wrong.
    """
    if not header:
        raise UnprovenError(Refusal.MISSING)
    parts = [part.strip().partition("=") for part in header.split(",")[:_MOST_SIGNATURES]]
    given = [value for version, _, value in parts if version == "v1" and value]
    if not given:
        raise UnprovenError(Refusal.MALFORMED)
    _check_hex(given, body, secrets)


def check_standard(
    headers: Mapping[str, str], body: bytes, secrets: Sequence[str], *, now: datetime
) -> None:
    """Standard Webhooks: HMAC-SHA256 over `id.timestamp.body`, base64, `v1,…` parted by blanks.

    Raises:
        UnprovenError: missing, malformed, wrong, or signed more than five minutes from now.
    """
    names = ("webhook-id", "webhook-timestamp", "webhook-signature")
    found = [headers.get(name, "") for name in names]
    if not all(found):
        raise UnprovenError(Refusal.MISSING)
    message_id, stamp, signatures = found
    _check_fresh(stamp, now)
    given = [
        value
        for version, _, value in (
            part.partition(",") for part in signatures.split(" ")[:_MOST_SIGNATURES]
        )
        if version == "v1" and value
    ]
    if not given:
        raise UnprovenError(Refusal.MALFORMED)
    signed = message_id.encode() + b"." + stamp.encode() + b"." + body
    expected = [
        base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest())
        for secret in secrets
        for key in standard_keys(secret)
    ]
    fits = [_equal(each.encode("utf-8", "replace"), right) for each in given for right in expected]
    if not any(fits):
        raise UnprovenError(Refusal.WRONG)


def _check_fresh(stamp: str, now: datetime) -> None:
    if not stamp.isascii() or not stamp.isdecimal() or len(stamp) > 12:
        raise UnprovenError(Refusal.MALFORMED)
    signed_at = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=int(stamp))
    if abs(now - signed_at) > TOLERANCE:
        raise UnprovenError(Refusal.STALE)


def standard_keys(secret: str) -> list[bytes]:
    """The keys that a secret may stand for.

    After `whsec_` it is base64. Without that mark it may be plain text as well, because it is not
    sure which of the two GitLab shows.
    """
    text = secret.removeprefix(_PREFIX)
    keys = [] if secret.startswith(_PREFIX) else [secret.encode()]
    with contextlib.suppress(binascii.Error, ValueError):
        keys.append(base64.b64decode(text, validate=True))
    return [key for key in keys if key]


def check_token(given: str | None, secrets: Sequence[str]) -> None:
    """A shared token in a header: it can be replayed and is not bound to the body, so it is taken
    only from senders that cannot sign.

    Raises:
        UnprovenError: missing or wrong.
    """
    if not given:
        raise UnprovenError(Refusal.MISSING)
    known = given.encode("utf-8", "replace")
    # Digests, because comparing texts of different lengths tells the length.
    digest = hashlib.sha256(known).digest()
    fits = [_equal(digest, hashlib.sha256(secret.encode()).digest()) for secret in secrets]
    if not any(fits):
        raise UnprovenError(Refusal.WRONG)


def bearer_or_password(header: str | None) -> str | None:
    """The token of `Authorization: Bearer …`, or the password of `Basic …` (Azure DevOps)."""
    scheme, _, value = (header or "").partition(" ")
    if scheme.lower() == "bearer":
        return value.strip() or None
    if scheme.lower() != "basic":
        return None
    try:
        return base64.b64decode(value, validate=True).decode().partition(":")[2] or None
    except (binascii.Error, ValueError):
        return None
