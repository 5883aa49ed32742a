"""The text of an API token: made, recognised, hashed. It is shown once and stored nowhere.

`plb_<prefix>_<secret><checksum>`: the type in front and the CRC-32 behind let a secret scanner tell
a token of ours from any other long word. The form is after GitHub's tokens of 2021. The hash is
HMAC-SHA256 with a numbered pepper: a random secret of 190 bits needs no slow hash, a password does.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import string
import zlib

ALPHABET = string.digits + string.ascii_uppercase + string.ascii_lowercase
PREFIX_LENGTH = 10
SECRET_LENGTH = 32  # of 62 characters: 190 bits
_CHECK_LENGTH = 6
TOKEN = re.compile(
    rf"plb_[0-9A-Za-z]{{{PREFIX_LENGTH}}}_[0-9A-Za-z]{{{SECRET_LENGTH + _CHECK_LENGTH}}}"
)


def new_token_text() -> str:
    """A new token, from the operating system's random source."""
    return _with_check(f"plb_{_random(PREFIX_LENGTH)}_{_random(SECRET_LENGTH)}")


def prefix_of(text: str) -> str:
    """The prefix of a well-formed token; empty for any other text."""
    if not TOKEN.fullmatch(text) or _with_check(text[:-_CHECK_LENGTH]) != text:
        return ""
    return text.split("_")[1]


def token_hash(text: str, pepper: str) -> str:
    """The keyed hash that is stored, hexadecimal."""
    return hmac.new(pepper.encode(), text.encode(), hashlib.sha256).hexdigest()


def _random(length: int) -> str:
    return "".join(secrets.choice(ALPHABET) for _ in range(length))


def _with_check(text: str) -> str:
    number = zlib.crc32(text.encode("ascii"))
    digits = ""
    for _ in range(_CHECK_LENGTH):
        number, digit = divmod(number, len(ALPHABET))
        digits = ALPHABET[digit] + digits
    return text + digits
