"""Looking for names in landed files, and the pseudonym that takes a name's place."""

from __future__ import annotations

import gzip
import hashlib
import hmac
import re
import zlib
from collections.abc import Collection
from pathlib import Path
from typing import BinaryIO, cast

from django.conf import settings

_PIECE = 1024 * 1024
_GZIP, _PARQUET = b"\x1f\x8b", b"PAR1"


def holds_name(path: Path, names: Collection[str]) -> bool | None:
    """Whether one of the names stands in a file of text, packed or not; None when it is no text.

    Capitals and small letters are the same. It is read piece by piece, so its size does not matter.
    """
    wanted = [name.lower().encode() for name in names]
    overlap = max(map(len, wanted)) - 1
    with path.open("rb") as raw:
        magic = raw.read(4)
        raw.seek(0)
        if magic == _PARQUET:
            return None
        packed = magic.startswith(_GZIP)
        stream = cast(BinaryIO, gzip.GzipFile(fileobj=raw, mode="rb")) if packed else raw
        before = b""
        try:
            while piece := stream.read(_PIECE):
                text = before + piece.lower()
                if any(name in text for name in wanted):
                    return True
                before = text[-overlap:] if overlap else b""
        except (EOFError, OSError, zlib.error):
            return None
    return False


def pseudonym(name: str) -> str:
    """What takes the place of a name: the same for the same name, and of no use to find it."""
    key = hashlib.sha256(f"erased names:{settings.SECRET_KEY}".encode()).digest()
    digest = hmac.new(key, name.strip().lower().encode(), hashlib.sha256).hexdigest()
    return f"erased-{digest[:16]}"


def replaced(text: str, names: Collection[str]) -> str:
    """The text with a pseudonym in the place of each name, longest names first."""
    for name in sorted(names, key=len, reverse=True):
        text = re.sub(re.escape(name), pseudonym(name), text, flags=re.IGNORECASE)
    return text
