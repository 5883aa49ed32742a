"""A large file is read by column and gives, in everything, what reading it row by row gives."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from functools import reduce
from typing import Any
from uuid import UUID

import pytest

from billing.sources.charge_columns import DIGEST_BYTES, Amounts, ChargeColumns
from billing.sources.focus.source import FocusSource
from billing.sources.records import ChargeRecord
from portal.imports.contracts import ImportRefusedError, LandedFile, Limits, ReadOptions
from portal.shell.money import EXACT
from tests.billing.sources.focus.focus_files import (
    BASE_ROW,
    Reader,
    csv_bytes,
    make_chunks_small,
    read_by_row_only,
    rows_of,
)
from tests.billing.sweeps import swept
from tests.plugins.sweeping import sampled

SEEDS = int(os.environ.get("PLUMBLINE_FUZZ_FILES", "30"))
FEW = range(6)  # files that the default tests read
# Each list: what is common first, then what is odd, then what is wrong.
AMOUNTS = (
    *("1.5", "0.25", "12.345678901", "0.000000001", "7", "0", "-3.1"),
    *("1.50", "0.00", "-0", "-0.0", "007.5", "1.0000000005", "1.0000000015", "-2.00000000050"),
    *("0.123456789012345678", "999999999.999999999999999999", "1e-7", "2.5E3", " 1.5 ", "$1.00"),
    *("1,234.5", "+4", ".5", "5.", "9223372036.854775807", "1234567890.5", "12345678901.5"),
    *("", "NULL", "null", " ", "abc", "NaN", "1e400", "--1", "1.2.3", "0x10", "1_000", "١"),
)
TEXTS = ("", "plain", "NULL", " padded ", "comma, inside", 'quote "inside"', "ünï💶", "a\tb", "'")
TAGS = ('{"team": "a"}', '{"b": 1.50, "a": null}', "", "NULL", '"k": "v"', '{"a": 1', "[]")
STARTS = (
    *("2026-05-03T10:00:00Z", "2026-05-03T10:00:00+02:00", "2026-05-03 10:00", "5/3/26 9:00"),
    *("2026-05-03", "2026-05-04T00:00:00Z", " 2026-05-03T10:00:00Z", "2026-13-01", "", "soon"),
    *("9999-12-31T00:00:00Z", "0001-01-01T00:00:00+14:00", "1999-12-31"),
)


def some(chance: random.Random, values: tuple[str, ...], *, odd: float) -> str:
    """One of the first, or now and then any of them."""
    return chance.choice(values if chance.random() < odd else values[:4])


def random_rows(chance: random.Random, *, odd: float, count: int) -> list[dict[str, str]]:
    rows = []
    for _ in range(count):
        row = {
            **BASE_ROW,
            "BilledCost": some(chance, AMOUNTS, odd=odd),
            "EffectiveCost": some(chance, AMOUNTS, odd=odd),
            "ListCost": some(chance, AMOUNTS, odd=odd),
            "PricingQuantity": some(chance, AMOUNTS, odd=odd),
            "ConsumedQuantity": chance.choice(("", "100")),
            "ListUnitPrice": some(chance, AMOUNTS, odd=odd),
            "BillingAccountId": chance.choice(("0042", "0043")),
            "ServiceName": chance.choice(TEXTS[1:]),
            "ResourceId": chance.choice(TEXTS),
            "Tags": some(chance, TAGS, odd=odd),
            "ChargePeriodStart": some(chance, STARTS, odd=odd),
            "ChargePeriodEnd": "2026-05-05T00:00:00Z",
        }
        if chance.random() < odd / 20:
            row["ChargeCategory"] = "Gift"
        if chance.random() < odd / 40:
            row["BillingCurrency"] = chance.choice(("EUR", "usd", "", "U$"))
        rows.append(row)
    return rows


def damaged(chance: random.Random, data: bytes, times: int) -> bytes:
    """The file with some characters put in, taken out or doubled, of those that matter to CSV."""
    changed = bytearray(data)
    for _ in range(times):
        place = chance.randrange(len(changed))
        what = chance.choice(
            (b'"', b'""', b",", b"\n", b"\r\n", b"\r", b" ", b"\xff", b"\xef\xbb\xbf")
        )
        if chance.random() < 0.3:
            del changed[place]
        else:
            changed[place:place] = what
    return bytes(changed)


def random_file(seed: int) -> bytes:
    chance = random.Random(seed)  # noqa: S311  (the same file in every run)
    odd = chance.choice((0.0, 0.0, 0.02, 0.2))
    rows = random_rows(chance, odd=odd, count=chance.randrange(30, 90))
    data = csv_bytes(rows, line_end=chance.choice(("\n", "\n", "\r\n")))
    if chance.random() < 0.1:
        data = b"\xef\xbb\xbf" + data
    if chance.random() < 0.1:
        data = data.rstrip(b"\r\n")
    if chance.random() < 0.5:
        data = damaged(chance, data, chance.randrange(1, 3))
    return data


@dataclass
class Read:
    """Everything that reading gave; the refusal as its text."""

    records: list[ChargeRecord] = field(default_factory=list)
    rejections: list[Any] = field(default_factory=list)
    notes: list[Any] = field(default_factory=list)
    refusal: str = ""
    by_column: int = 0


def read_all(files: list[LandedFile], limits: Limits | None = None) -> Read:
    found = Read()
    try:
        for batch in FocusSource().read(files, ReadOptions(limits=limits or Limits())):
            if isinstance(batch.records, ChargeColumns):
                found.by_column += len(batch.records)
                assert list(told_by(batch.records)) == list(batch.records)
                assert_totals(batch.records)
            found.records.extend(batch.records)
            found.rejections.extend(batch.rejections)
            found.notes.extend(batch.notes)
    except ImportRefusedError as refused:
        found.refusal = str(refused)
    return found


def told_by(columns: ChargeColumns) -> Iterator[ChargeRecord]:
    """The records as the columns alone tell them; exact amounts and measures are not in them."""
    singles = columns.rows()
    for row, single in enumerate(singles):
        place = slice(row * DIGEST_BYTES, (row + 1) * DIGEST_BYTES)
        told: dict[str, Any] = {
            "file_index": columns.file_index,
            "line": columns.first_line + row,
            "identity": UUID(bytes=columns.identities[place]),
            "content": UUID(bytes=columns.contents[place]),
            "dimension": columns.dimensions[columns.dimension_of[row]],
            "currency": columns.currency,
            "pricing_quantity": columns.quantities[0][row],
            "consumed_quantity": columns.quantities[1][row],
        }
        periods = columns.periods[columns.period_of[row]]
        told |= dict(zip(ChargeRecord._fields[5:9], periods, strict=True))
        amounts = [nano_of(each, row) for each in columns.amounts]
        told |= dict(zip(ChargeRecord._fields[10:14], amounts, strict=True))
        yield single._replace(**told)


def nano_of(amounts: Amounts, row: int) -> int | None:
    if amounts.missing is not None and amounts.missing[row]:
        return None
    return int(amounts.nano[row])


def assert_totals(columns: ChargeColumns) -> None:
    """To the digit: with the decimal places that adding one by one gives."""
    for total, name in zip(columns.totals, ("billed_exact", "effective_exact"), strict=True):
        known = [value for each in columns if (value := getattr(each, name)) is not None]
        assert str(total) == (str(reduce(EXACT.add, known, Decimal(0))) if known else "None")


@pytest.fixture
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that a small file has many."""
    make_chunks_small(monkeypatch)


def both_ways(
    read: Reader, monkeypatch: pytest.MonkeyPatch, *contents: bytes, limits: Limits | None = None
) -> tuple[Read, Read]:
    files = read.land(*contents)
    by_column = read_all(files, limits)
    with monkeypatch.context() as patch:
        read_by_row_only(patch)
        by_row = read_all(files, limits)
    assert not by_row.by_column
    return by_column, by_row


def assert_alike(by_column: Read, by_row: Read, case: object) -> None:
    assert by_column.refusal == by_row.refusal, case
    assert by_column.notes == by_row.notes, case
    if by_row.refusal:
        # Nothing of it is taken. How many bad rows before the place are named as well depends on
        # how much is looked at together.
        named = zip(by_column.rejections, by_row.rejections, strict=False)
        assert all(one == other for one, other in named), case
    else:
        assert by_column.rejections == by_row.rejections, case
        assert by_column.records == by_row.records, case
        exact = [[str(each.billed_exact) for each in way.records] for way in (by_column, by_row)]
        assert exact[0] == exact[1], case


@pytest.mark.usefixtures("small_chunks")
@pytest.mark.parametrize("seeds", sampled([FEW, range(len(FEW), SEEDS)], FEW), ids=["few", "more"])
def test_random_files_give_the_same_by_column_and_by_row(
    read: Reader, monkeypatch: pytest.MonkeyPatch, seeds: range
) -> None:
    taken = refused = rejected = 0
    for seed in seeds:
        by_column, by_row = both_ways(read, monkeypatch, random_file(seed))
        assert_alike(by_column, by_row, seed)
        taken += by_column.by_column
        refused += bool(by_row.refusal)
        rejected += len(by_row.rejections)
    # The cases are real ones: many rows by column, many files with something wrong.
    assert taken > 10 * len(seeds)
    assert refused > len(seeds) / 10
    assert rejected > len(seeds)


def test_a_large_file_is_read_by_column_and_a_bad_row_in_it_is_named(
    read: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = rows_of(700) * 4
    bad = dict(rows[1500], ChargePeriodStart="soon")
    data = csv_bytes([*rows[:1500], bad, *rows[1501:]])
    by_column, by_row = both_ways(read, monkeypatch, data)
    assert_alike(by_column, by_row, "bad row")
    assert [(each.line, each.field) for each in by_column.rejections] == [
        (1502, "ChargePeriodStart")
    ]
    good, _ = both_ways(read, monkeypatch, csv_bytes(rows))
    # All but the first lines, which come with the header, and the last.
    assert good.by_column > 1_500


@pytest.mark.parametrize(
    ("place", "text"), [(600_000, b"\xff"), *swept((600_000, b"\0"), (900_000, b'"'))]
)
def test_what_is_wrong_behind_a_chunk_is_named_where_it_stands(
    read: Reader, monkeypatch: pytest.MonkeyPatch, place: int, text: bytes
) -> None:
    data = csv_bytes(rows_of(700) * 5)
    damaged_data = data[:place] + text + data[place:]
    by_column, by_row = both_ways(read, monkeypatch, damaged_data)
    assert by_row.refusal
    assert_alike(by_column, by_row, place)


def test_a_large_file_whose_lines_end_with_carriage_returns_is_read(
    read: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = rows_of(700) * 4
    by_column, by_row = both_ways(read, monkeypatch, csv_bytes(rows, line_end="\r"))
    assert len(by_row.records) == len(rows)
    assert_alike(by_column, by_row, "carriage returns")


@pytest.mark.parametrize("more", [",", *swept((',""',), (",,",))])
@pytest.mark.parametrize("line_end", ["\n", *swept(("\r\n",))])
def test_empty_cells_behind_the_last_column_are_refused(
    read: Reader, monkeypatch: pytest.MonkeyPatch, more: str, line_end: str
) -> None:
    rows = [{**row, "Tags": ""} for row in rows_of(700) * 4]
    good = csv_bytes(rows, line_end=line_end)
    by_column, by_row = both_ways(read, monkeypatch, good)
    assert_alike(by_column, by_row, "empty last cells")
    assert by_column.by_column > 1_500
    lines = good.split(line_end.encode())
    lines[1500] += more.encode()
    by_column, by_row = both_ways(read, monkeypatch, line_end.encode().join(lines))
    assert "line 1501" in by_row.refusal
    assert "more cells than the header" in by_row.refusal
    assert_alike(by_column, by_row, more)


def test_a_limit_on_rows_holds_by_column(read: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    by_column, by_row = both_ways(
        read, monkeypatch, csv_bytes(rows_of(700) * 4), limits=Limits(max_rows=2_000)
    )
    assert "too many rows" in by_row.refusal
    assert_alike(by_column, by_row, "rows")
