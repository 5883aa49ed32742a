"""Opening a table file by what it holds, never by its name."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager

from billing.sources.tables.bytestream import (
    PARQUET_MAGIC,
    Meter,
    open_text_bytes,
    read_magic,
)
from billing.sources.tables.csv_rows import CsvRows
from billing.sources.tables.parquet_rows import open_parquet_rows
from billing.sources.tables.rows import RowReader
from portal.imports.contracts import LandedFile


@contextmanager
def open_rows(
    file: LandedFile, meter: Meter, *, money: Collection[str] = ()
) -> Iterator[RowReader]:
    """The rows of a CSV, gzip'd CSV or Parquet file; `money` names its columns of amounts.

    Raises:
        ImportRefusedError: the file is empty, damaged, foreign or passes a limit.
    """
    magic = read_magic(file)
    if magic.startswith(PARQUET_MAGIC):
        with open_parquet_rows(file, meter, money=money) as parquet:
            yield parquet
        return
    with open_text_bytes(file, magic, meter) as stream:
        yield CsvRows(stream, meter, file=file.name)
