"""Charges that came by column: their slices, sums and staged rows, without a loop over the rows.

Gives exactly what `charge_store` and `staged_slices` give for the same charges one by one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal
from itertools import repeat
from typing import Any

import numpy as np

from billing.services.staged_slices import DIGEST_MODULUS, Places, StagedSlice
from billing.sources.charge_columns import DIGEST_BYTES, Amounts, ChargeColumns
from portal.imports.binary_arrays import bigints, day_numbers, moments, pack_arrays
from portal.imports.staging import sqlite_adapter

_HALF = 32  # bits
_adapted_days = sqlite_adapter("date")  # they remember what they have written before
_adapted_times = sqlite_adapter("datetime")


def add_up(columns: ChargeColumns, places: Places) -> Any:
    """Add these charges to the counts, digests and sums of their slices; the slice number of each
    row."""
    accounts: dict[str, int] = {}
    codes = [accounts.setdefault(d.billing_account_id, len(accounts)) for d in columns.dimensions]
    names = list(accounts)
    keys = np.array(codes)[columns.dimension_of] * len(columns.periods) + columns.period_of
    found, first, group = np.unique(keys, return_index=True, return_inverse=True)
    parts: dict[int, StagedSlice] = {}
    place_of: dict[int, int] = {}  # number of a slice → its place among those of this chunk
    places_of_groups = np.zeros(len(found), np.int64)
    # Slices are numbered as they come.
    for index in np.argsort(first).tolist():
        account, period = divmod(int(found[index]), len(columns.periods))
        charge_start, _, billing_start, _ = columns.periods[period]
        part = places[(names[account], billing_start, charge_start, columns.currency)]
        parts[part.number] = part
        places_of_groups[index] = place_of.setdefault(part.number, len(place_of))
    of_rows = places_of_groups[group]
    _add_to(list(parts.values()), of_rows, columns)
    return np.array(list(parts))[of_rows]


def _add_to(parts: Sequence[StagedSlice], of_rows: Any, columns: ChargeColumns) -> None:
    counts = np.bincount(of_rows, minlength=len(parts)).tolist()
    # Only the last 63 bits of a row's digest count, so 64 of each of its halves are enough.
    identity, content = (
        np.frombuffer(digests, ">u8")[1::2].astype(np.uint64)
        for digests in (columns.identities, columns.contents)
    )
    digests = np.zeros(len(parts), np.uint64)
    np.add.at(digests, of_rows, (identity * np.uint64(3) ^ content) & np.uint64(DIGEST_MODULUS - 1))
    billed, effective = (_sums(each.nano, of_rows, len(parts)) for each in columns.amounts[:2])
    charged, charged_effective = (
        _sums(np.maximum(each.nano, 0), of_rows, len(parts)) for each in columns.amounts[:2]
    )
    for place, part in enumerate(parts):
        part.rows += counts[place]
        part.digest += int(digests[place])
        part.billed += billed[place]
        part.effective += effective[place]
        part.charged += charged[place]
        part.charged_effective += charged_effective[place]


def _sums(nano: Any, of_rows: Any, count: int) -> list[int]:
    """Exact sums of 64-bit amounts, added in halves so that none passes 64 bits."""
    high, low = np.zeros(count, np.int64), np.zeros(count, np.int64)
    np.add.at(high, of_rows, nano >> _HALF)
    np.add.at(low, of_rows, nano & (2**_HALF - 1))
    return [(up << _HALF) + down for up, down in zip(high.tolist(), low.tolist(), strict=True)]


def sums_of(columns: ChargeColumns) -> Iterator[tuple[str, Decimal, int]]:
    """Measure, exact sum and stored sum in nano-units, of the measures that some row has."""
    one_group = np.zeros(len(columns), np.int64)
    for place, measure in enumerate(("billed", "effective")):
        exact = columns.totals[place]
        if exact is not None:
            yield measure, exact, _sums(columns.amounts[place].nano, one_group, 1)[0]


def packed_rows(columns: ChargeColumns, *, file_id: int, places: Places) -> list[bytes]:
    """The rows of `charge_sql.LINE_COLUMNS` for COPY, without the number of fields before them."""
    rows = len(columns)
    days = day_numbers(places.days[start] for start, *_ in columns.periods)
    currency = columns.currency.encode()
    return pack_arrays(
        [
            np.full(rows, file_id, ">i8"),
            np.arange(columns.first_line, columns.first_line + rows, dtype=">i8"),
            np.frombuffer(columns.identities, f"V{DIGEST_BYTES}"),
            np.frombuffer(columns.contents, f"V{DIGEST_BYTES}"),
            days[columns.period_of],
            moments(start for start, *_ in columns.periods)[columns.period_of],
            moments(end for _, end, *_ in columns.periods)[columns.period_of],
            np.frombuffer(currency * rows, f"V{len(currency)}"),
            *(bigints(*amounts) for amounts in columns.amounts),
            *(_texts(quantities) for quantities in columns.quantities),
        ],
        fields=False,
    )


def _texts(values: Sequence[str]) -> list[bytes]:
    known: dict[str, bytes] = {}
    for value in set(values):
        encoded = value.encode()
        known[value] = len(encoded).to_bytes(4, "big") + encoded
    return list(map(known.__getitem__, values))


def adapted_columns(columns: ChargeColumns, *, file_id: int, places: Places) -> list[Any]:
    """The columns of `charge_sql.LINE_COLUMNS` as SQLite keeps them."""
    rows = len(columns)
    days = list(_adapted_days(places.days[start] for start, *_ in columns.periods))
    starts = list(_adapted_times(start for start, *_ in columns.periods))
    ends = list(_adapted_times(end for _, end, *_ in columns.periods))
    periods = columns.period_of.tolist()
    return [
        repeat(file_id, rows),
        range(columns.first_line, columns.first_line + rows),
        _hex(columns.identities),
        _hex(columns.contents),
        map(days.__getitem__, periods),
        map(starts.__getitem__, periods),
        map(ends.__getitem__, periods),
        repeat(columns.currency, rows),
        *map(_integers, columns.amounts),
        *columns.quantities,
    ]


def _hex(digests: bytes) -> list[str]:
    text, length = digests.hex(), 2 * DIGEST_BYTES
    return [text[place : place + length] for place in range(0, len(text), length)]


def _integers(amounts: Amounts) -> list[int | None]:
    values: list[int | None] = amounts.nano.tolist()
    if amounts.missing is not None:
        for place in np.flatnonzero(amounts.missing).tolist():
            values[place] = None
    return values
