"""Rows for PostgreSQL's binary COPY out of numpy arrays: what `BinaryRows` does, for whole columns.

Columns of a fixed width are written into one array of records, which numpy turns to bytes at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from itertools import repeat
from typing import Any

import numpy as np

_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
_FIRST_DAY = date(2000, 1, 1).toordinal()
_MICROSECOND = timedelta(microseconds=1)
NULL = b"\xff\xff\xff\xff"
# A column as it is packed: an array of values, or the bytes of each row with their length before.
Packed = Any


def day_numbers(days: Iterable[date]) -> Any:
    """Days as PostgreSQL counts them."""
    return np.array([day.toordinal() - _FIRST_DAY for day in days], ">i4")


def moments(values: Iterable[datetime]) -> Any:
    """Aware datetimes as PostgreSQL counts them."""
    return np.array([(value - _EPOCH) // _MICROSECOND for value in values], ">i8")


def bigints(values: Any, missing: Any = None) -> Packed:
    """64-bit integers, null where `missing` says so (None: nowhere)."""
    if missing is None:
        return values.astype(">i8")
    whole = pack_arrays([values.astype(">i8")], fields=False)
    return [NULL if gone else row for gone, row in zip(missing.tolist(), whole, strict=True)]


def pack_arrays(columns: Sequence[Packed], *, fields: bool = True) -> list[bytes]:
    """The rows, each as its bytes.

    Args:
        columns: arrays of one length (of integers in network order, or of raw bytes, `V16`), or
            lists of what each row has in its column, its length before it.
        fields: whether the number of fields stands before each row, as COPY wants it.
    """
    segments: list[Iterable[bytes]] = []
    run: list[Any] = []
    for column in columns:
        if isinstance(column, np.ndarray):
            run.append(column)
            continue
        segments += [_records(run)] if run else []
        segments.append(column)
        run = []
    segments += [_records(run)] if run else []
    if fields:
        segments.insert(0, repeat(len(columns).to_bytes(2, "big")))
    if len(segments) == 1:
        return list(segments[0])
    return list(map(b"".join, zip(*segments, strict=False)))


def _records(columns: Sequence[Any]) -> list[bytes]:
    kinds: list[tuple[str, Any]] = []
    for place, column in enumerate(columns):
        kinds += [(f"length_{place}", ">i4"), (f"value_{place}", column.dtype)]
    records = np.empty(len(columns[0]), np.dtype(kinds))
    for place, column in enumerate(columns):
        records[f"length_{place}"] = column.dtype.itemsize
        records[f"value_{place}"] = column
    rows: list[bytes] = records.view(f"V{records.dtype.itemsize}").tolist()
    return rows
