"""The bytes of a landed file: what format they are, and reading them with bounds."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import BinaryIO

from portal.imports.contracts import ImportRefusedError, LandedFile, Limits

MAX_BLANK_ROWS = 1_000_000
GZIP_MAGIC = b"\x1f\x8b"
PARQUET_MAGIC = b"PAR1"
# First bytes → what people call it. Recognised so that the message says more than "not UTF-8".
_FOREIGN = {
    b"PK\x03\x04": "a zip archive or Excel workbook",
    b"PK\x05\x06": "an empty zip archive",
    b"\xd0\xcf\x11\xe0": "an old Excel workbook",
    b"(\xb5/\xfd": "a Zstandard file",
    b"BZh": "a bzip2 file",
    b"\xfd7zXZ": "an xz file",
    b"ORC": "an ORC file",
    b"Obj\x01": "an Avro file",
    b"PARE": "an encrypted Parquet file",
    b"%PDF": "a PDF",
    b"\xff\xfe": "a UTF-16 text",
    b"\xfe\xff": "a UTF-16 text",
}
EXPECTED_FORMAT = "CSV in UTF-8, the same in gzip, or Parquet"


@dataclass(slots=True)
class Meter:
    """What the whole import has read so far, held against its limits."""

    limits: Limits
    bytes_read: int = 0
    rows_read: int = 0
    blank_rows: int = 0

    def add_bytes(self, count: int, *, file: str) -> None:
        """Count decompressed bytes.

        Raises:
            ImportRefusedError: more than the limit, over all files together.
        """
        self.bytes_read += count
        if self.bytes_read > self.limits.max_bytes:
            raise ImportRefusedError(
                "too_many_bytes",
                "the import is too large after decompression",
                file=file,
                value=f"more than {self.bytes_read - count} bytes",
                expected=f"at most {self.limits.max_bytes} bytes in all files together",
            )

    def add_rows(self, count: int, *, file: str, line: int | None = None) -> None:
        """Count records.

        Raises:
            ImportRefusedError: more than the limit, over all files together.
        """
        self.rows_read += count
        if self.rows_read > self.limits.max_rows:
            raise ImportRefusedError(
                "too_many_rows",
                "the import has too many rows",
                file=file,
                line=line,
                value=str(self.rows_read),
                expected=f"at most {self.limits.max_rows} rows in all files together",
            )

    def add_blank_rows(self, count: int, *, file: str) -> None:
        """Count lines without any value: no records, but they cost time as well.

        Raises:
            ImportRefusedError: more than any real file would have.
        """
        self.blank_rows += count
        if self.blank_rows > MAX_BLANK_ROWS:
            raise ImportRefusedError(
                "too_many_blank_rows",
                "the import holds too many lines without any value",
                file=file,
                value=str(self.blank_rows),
                expected=f"at most {MAX_BLANK_ROWS}",
            )


def read_magic(file: LandedFile) -> bytes:
    """The first bytes of a landed file.

    Raises:
        ImportRefusedError: the file is empty.
    """
    with file.path.open("rb") as stream:
        magic = stream.read(8)
    if not magic:
        raise ImportRefusedError(
            "empty_file", "the file is empty", file=file.name, expected=EXPECTED_FORMAT
        )
    return magic


def refuse_foreign(start: bytes, *, file: str, packed: bool) -> None:
    """Refuse bytes that are known to be something else than text.

    Args:
        start: the first bytes, after decompression.
        file: name of the file, for the message.
        packed: whether they came out of gzip.

    Raises:
        ImportRefusedError: they begin like another format.
    """
    kinds = dict(_FOREIGN)
    if packed:
        kinds |= {GZIP_MAGIC: "gzip inside gzip", PARQUET_MAGIC: "Parquet inside gzip"}
    for magic, kind in kinds.items():
        if start.startswith(magic):
            raise ImportRefusedError(
                "unsupported_format",
                f"this is {kind}",
                file=file,
                value=repr(start[:8]),
                expected=EXPECTED_FORMAT,
            )


class TextBytes:
    """Decompressed bytes of one CSV file, piece by piece, counted against the limits."""

    def __init__(self, stream: BinaryIO, meter: Meter, *, file: str, packed: bool) -> None:
        self._stream = stream
        self._meter = meter
        self._file = file
        self._packed = packed
        self._started = False

    def read(self, size: int) -> bytes:
        """The next bytes, at most `size`; empty at the end.

        Raises:
            ImportRefusedError: a limit is passed, the gzip stream is cut or damaged, or the
                content is of a foreign format.
        """
        try:
            data = self._stream.read(size)
        except EOFError as error:
            raise self._damaged("truncated_gzip", "the gzip stream is cut off") from error
        except (gzip.BadGzipFile, zlib.error) as error:
            raise self._damaged("damaged_gzip", f"the gzip stream is damaged: {error}") from error
        if not self._started:
            self._started = True
            refuse_foreign(data[:8], file=self._file, packed=self._packed)
        self._meter.add_bytes(len(data), file=self._file)
        return data

    def _damaged(self, code: str, problem: str) -> ImportRefusedError:
        return ImportRefusedError(
            code,
            problem,
            file=self._file,
            value=f"after {self._meter.bytes_read} bytes",
            expected="a complete gzip file with a correct checksum",
        )


@contextmanager
def open_text_bytes(file: LandedFile, magic: bytes, meter: Meter) -> Iterator[TextBytes]:
    """Open a CSV file, decompressing it when its first bytes say gzip."""
    packed = magic.startswith(GZIP_MAGIC)
    with file.path.open("rb") as raw:
        if not packed:
            yield TextBytes(raw, meter, file=file.name, packed=False)
            return
        with gzip.GzipFile(fileobj=raw, mode="rb") as unpacked:
            yield TextBytes(unpacked, meter, file=file.name, packed=True)  # type: ignore[arg-type]
