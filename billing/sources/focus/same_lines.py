"""Whether two inputs hold the same lines: of one file again in another order, packing or cut.

A bill of a million lines that is delivered again every day is told in the time of adding up hashes,
before anything of it is parsed. The same lines are the same records only where every line is one
record. It is, where as many records were read of the first input as it has lines that are not
empty: a record of several lines has more, because its last line ends a quote, so it is not empty.
Whatever else there is, is not told, and read as usual.
"""

from __future__ import annotations

import gzip
from collections.abc import Sequence
from typing import TYPE_CHECKING, BinaryIO, NamedTuple, cast

from billing.sources.tables.bytestream import GZIP_MAGIC
from billing.sources.tables.csv_rows import BOM
from portal.imports.contracts import LandedFile

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

LEAST_BYTES = 4 * 1024 * 1024  # as they came; below, reading takes no longer
MOST_ROWS = 10_000_000  # more would take a minute, in which the run shows no sign of life
_MEMORY = "192MB"
_LONGEST_HEADER = 64 * 1024
_BETWEEN = "\x1f"  # a line that has it is not told

# Two sums, because one of 64-bit hashes alone would let one change in 2^64 pass.
_ADD_UP = """
SELECT count(*), sum(hash(line)), sum(hash(line || chr(1))),
       bool_or(contains(line, chr(13)) OR contains(line, chr(0)))
FROM (SELECT line FROM {source} WHERE line <> '' LIMIT {limit})
"""


class _Lines(NamedTuple):
    """How many lines, and the two sums of their hashes, which no order changes."""

    lines: int = 0
    first: int = 0
    second: int = 0

    def plus(self, other: _Lines) -> _Lines:
        return _Lines(*(one + two for one, two in zip(self, other, strict=True)))


class _OddLinesError(Exception):
    """Their lines do not tell what the records are."""


def same_lines(before: Sequence[LandedFile], now: Sequence[LandedFile], *, rows: int) -> bool:
    """Whether two inputs surely hold the same records, in whatever order and files, of which `rows`
    were read of the first.

    False says nothing: they may be the same all the same.
    """
    if sum(file.size for file in now) < LEAST_BYTES or rows > MOST_ROWS:
        return False
    import duckdb  # it takes a while to load, and most files are small

    from billing.sources.focus.engines import memory_engine

    try:
        headers = {_header(file) for file in (*before, *now)}
        if len(headers) != 1:
            return False
        with memory_engine(memory=_MEMORY, threads=2) as engine:
            found = _add_up(engine, now, rows)
            return found.lines == rows and found == _add_up(engine, before, rows)
    except (_OddLinesError, duckdb.Error, OSError, EOFError):
        return False


def _add_up(engine: DuckDBPyConnection, files: Sequence[LandedFile], rows: int) -> _Lines:
    total = _Lines()
    for file in files:
        # However much a file holds, no more of it is unpacked than could be the same.
        limit = rows - total.lines + 1
        statement = _ADD_UP.format(source=_source(file), limit=limit)
        found = engine.execute(statement, {"path": str(file.path)}).fetchone()
        if found is None or not found[0] or found[-1]:
            raise _OddLinesError
        total = total.plus(_Lines(*found[:-1]))
    return total


def _source(file: LandedFile) -> str:
    packing = "gzip" if _is_packed(file) else "none"
    return (
        f"read_csv($path, auto_detect = false, header = false, skip = 1, delim = '{_BETWEEN}', "
        f"quote = '', escape = '', columns = {{'line': 'VARCHAR'}}, force_not_null = ['line'], "
        f"compression = '{packing}', strict_mode = true)"
    )


def _header(file: LandedFile) -> bytes:
    with _opened(file) as content:
        line = content.readline(_LONGEST_HEADER)
    if not line.endswith(b"\n") or not line.strip() or line.count(b'"') % 2:
        raise _OddLinesError
    return line.removeprefix(BOM).rstrip(b"\r\n")


def _opened(file: LandedFile) -> BinaryIO:
    if _is_packed(file):
        return cast("BinaryIO", gzip.open(file.path))  # noqa: SIM115  (its caller closes it)
    return file.path.open("rb")


def _is_packed(file: LandedFile) -> bool:
    with file.path.open("rb") as content:
        return content.read(len(GZIP_MAGIC)) == GZIP_MAGIC
