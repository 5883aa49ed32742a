"""Encryption of stored credentials: which key, for which connection, for which address.

Fernet (AES-128-CBC with HMAC-SHA256, from `cryptography`) with numbered keys of its own, apart from
SECRET_KEY. The plain text names the connection and the address that the secret was given for, so
that a row that is moved to another connection, or whose address was changed beside this portal,
opens nothing.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cryptography.fernet import Fernet, InvalidToken

from portal.credentials.errors import CredentialUnavailableError
from portal.keys import MissingKeyError, NumberedSecrets

_FINGERPRINT_DIGITS = 12


@dataclass(frozen=True, slots=True)
class Purpose:
    """What a secret was given for: one connection, at one address."""

    connection_id: int
    addresses: Mapping[str, Any]

    @property
    def digest(self) -> str:
        """Tells two purposes apart."""
        text = json.dumps([self.connection_id, dict(self.addresses)], sort_keys=True, default=str)
        return hashlib.sha256(text.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Sealed:
    """An encrypted secret and what may be shown of it."""

    key_number: int
    ciphertext: str
    fingerprint: str


def seal(secret: str, purpose: Purpose, keys: NumberedSecrets) -> Sealed:
    """Encrypt with the newest key.

    Raises:
        CredentialUnavailableError: there is no key.
    """
    try:
        number = keys.newest
    except MissingKeyError as error:
        raise CredentialUnavailableError(
            f"this deployment stores no credentials, because {error}",
            expected="a reference, env:… or file:…, or a key",
        ) from None
    key = keys.get(number)
    plain = json.dumps({"for": purpose.digest, "secret": secret}).encode()
    return Sealed(
        number, Fernet(key.encode()).encrypt(plain).decode("ascii"), _fingerprint(secret, key)
    )


def unseal(number: int, ciphertext: str, purpose: Purpose, keys: NumberedSecrets) -> str:
    """Decrypt.

    Raises:
        CredentialUnavailableError: the key is missing or another one, or the secret was given for
            another connection or address. The message names the number of the key.
    """
    try:
        key = keys.get(number)
    except MissingKeyError as error:
        raise CredentialUnavailableError(
            f"the credential was encrypted with key {number}, and {error}",
            expected=f"key {number} in {keys.variable}, or the credential given again",
        ) from None
    try:
        found = json.loads(Fernet(key.encode()).decrypt(ciphertext.encode("ascii")))
    except (InvalidToken, ValueError):
        raise CredentialUnavailableError(
            f"key {number} of {keys.variable} is not the key that the credential was encrypted "
            "with, or the stored text was changed",
            expected=f"the former key {number}, or the credential given again",
        ) from None
    if not hmac.compare_digest(str(found["for"]), purpose.digest):
        raise CredentialUnavailableError(
            "the stored credential was given for another connection or address",
            expected="the credential given again for this one",
        )
    return str(found["secret"])


def _fingerprint(secret: str, key: str) -> str:
    """Names a secret without helping to guess it: keyed, so that a list of guesses is no use."""
    inner = hashlib.sha256(b"fingerprint:" + key.encode()).digest()
    return hmac.new(inner, secret.encode(), hashlib.sha256).hexdigest()[:_FINGERPRINT_DIGITS]
