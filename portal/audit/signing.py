"""Ed25519 keys, derived from the numbered secrets of `PLUMBLINE_AUDIT_KEYS`.

Each purpose has keys of its own and its words before every message, so that a signature made for
one never holds for another. A public key may be given away; the secrets never leave.
"""

from __future__ import annotations

import functools

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from portal.keys import MissingKeyError, NumberedSecrets

AUDIT_SEAL = "plumbline audit seal"
SNAPSHOT = "plumbline snapshot"


@functools.lru_cache(maxsize=16)
def _private_key(secret: str, purpose: str) -> Ed25519PrivateKey:
    # The secret has full strength, so no slow derivation is needed.
    kdf = HKDF(algorithm=SHA256(), length=32, salt=None, info=purpose.encode())
    return Ed25519PrivateKey.from_private_bytes(kdf.derive(secret.encode()))


def sign(keys: NumberedSecrets, message: str, *, purpose: str = AUDIT_SEAL) -> tuple[int, str]:
    """Number of the newest key, and its signature in hexadecimal digits.

    Raises:
        portal.keys.MissingKeyError: there is no key.
    """
    number = keys.newest
    private = _private_key(keys.get(number), purpose)
    return number, private.sign((purpose + message).encode()).hex()


def public_key(keys: NumberedSecrets, number: int, *, purpose: str) -> str:
    """The public key of that number, 32 bytes in hexadecimal digits.

    Raises:
        portal.keys.MissingKeyError: there is no such key.
    """
    return _private_key(keys.get(number), purpose).public_key().public_bytes_raw().hex()


def is_signed(
    keys: NumberedSecrets, number: int, message: str, signature: str, *, purpose: str = AUDIT_SEAL
) -> bool:
    """Whether the key of that number, which must be one of ours, signed the message."""
    try:
        public = _private_key(keys.get(number), purpose).public_key()
        public.verify(bytes.fromhex(signature), (purpose + message).encode())
    except (MissingKeyError, InvalidSignature, ValueError):
        return False
    return True
