"""Bodies in pieces, unpacked in bounded memory, refused as soon as they are too long."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator

from portal.imports.contracts import SourceUnavailableError
from portal.imports.outbound.errors import AnswerRefusedError

_PIECE = 256 * 1024
_GZIP = 16 + zlib.MAX_WBITS


def unpacked(
    chunks: Iterable[bytes], encoding: str, *, max_bytes: int, place: str
) -> Iterator[bytes]:
    """The body as the provider meant it; `max_bytes` holds for what is sent and for what it is.

    Raises:
        AnswerRefusedError: it is longer, or packed in a way that was not asked for.
        SourceUnavailableError: the packed body is damaged or cut.
    """
    name = encoding.strip().lower()
    if name not in ("", "identity", "gzip"):
        raise AnswerRefusedError(
            "bad_encoding", f"{place} answered with an encoding", value=encoding, expected="gzip"
        )
    sent = _bounded(chunks, max_bytes, place)
    if name != "gzip":
        yield from sent
    else:
        yield from _bounded(_gunzipped(sent, place), max_bytes, place)


def _bounded(chunks: Iterable[bytes], max_bytes: int, place: str) -> Iterator[bytes]:
    size = 0
    for chunk in chunks:
        size += len(chunk)
        if size > max_bytes:
            raise AnswerRefusedError(
                "body_too_large", f"{place} answered more than {max_bytes} bytes"
            )
        yield chunk


def _gunzipped(chunks: Iterable[bytes], place: str) -> Iterator[bytes]:
    unpack = zlib.decompressobj(_GZIP)
    try:
        for chunk in chunks:
            while chunk:
                if unpack.eof:  # a file may be several packed one after the other
                    unpack = zlib.decompressobj(_GZIP)
                piece = unpack.decompress(chunk, _PIECE)
                if piece:
                    yield piece
                chunk = unpack.unused_data if unpack.eof else unpack.unconsumed_tail
        # All input may be taken while some output still waits.
        while not unpack.eof and (piece := unpack.decompress(b"", _PIECE)):
            yield piece
    except zlib.error:
        raise SourceUnavailableError(f"{place} answered a damaged packed body") from None
    if not unpack.eof:
        raise SourceUnavailableError(f"{place} answered a packed body that is cut")
