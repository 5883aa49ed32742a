"""Ed25519 keys, derived from the numbered secrets of `PLUMBLINE_AUDIT_KEYS`."""

from __future__ import annotations

import functools

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from portal.keys import MissingKeyError, NumberedSecrets

_CONTEXT = b"plumbline audit seal"


@functools.lru_cache(maxsize=16)
def _private_key(secret: str) -> Ed25519PrivateKey:
    # The secret has full strength, so no slow derivation is needed.
    seed = HKDF(algorithm=SHA256(), length=32, salt=None, info=_CONTEXT).derive(secret.encode())
    return Ed25519PrivateKey.from_private_bytes(seed)


def sign(keys: NumberedSecrets, message: str) -> tuple[int, str]:
    """Number of the newest key, and its signature in hexadecimal digits.

    Raises:
        portal.keys.MissingKeyError: there is no key.
    """
    number = keys.newest
    return number, _private_key(keys.get(number)).sign(_CONTEXT + message.encode()).hex()


def is_signed(keys: NumberedSecrets, number: int, message: str, signature: str) -> bool:
    """Whether the key of that number, which must be one of ours, signed the message."""
    try:
        public = _private_key(keys.get(number)).public_key()
        public.verify(bytes.fromhex(signature), _CONTEXT + message.encode())
    except (MissingKeyError, InvalidSignature, ValueError):
        return False
    return True
