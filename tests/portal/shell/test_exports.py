"""Exports: safe in a spreadsheet, lossless to read back, numbers stay numbers."""

from __future__ import annotations

import csv
import datetime as dt
import io
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from portal.shell.exports import cell_text, csv_lines, csv_response, escape_cell, unescape_cell

STARTERS = "\0=+-@\t\r\n\uff1d\uff0b\uff0d\uff20"
# Unicode surrogates cannot be written as UTF-8, so no text of ours holds them.
TEXTS = st.text(st.characters(exclude_categories=["Cs"]))
DANGEROUS = st.builds(
    lambda quotes, start, rest: "'" * quotes + start + rest,
    st.integers(0, 3),
    st.sampled_from(STARTERS),
    TEXTS,
)


@given(TEXTS | DANGEROUS)
@example("'=1")
@example("''=1")
@example("'")
def test_reading_back_gives_every_text_as_it_was(text: str) -> None:
    assert unescape_cell(escape_cell(text)) == text


@given(TEXTS | DANGEROUS)
def test_no_text_cell_starts_like_a_formula(text: str) -> None:
    assert not escape_cell(text).startswith(tuple(STARTERS))


@given(st.lists(st.lists(TEXTS | DANGEROUS, min_size=2, max_size=2)))
def test_a_whole_file_is_read_back_by_a_csv_reader(rows: list[list[str]]) -> None:
    text = "".join(csv_lines(["a", "b"], rows))
    read = list(csv.reader(io.StringIO(text, newline="")))
    assert [[unescape_cell(cell) for cell in row] for row in read[1:]] == rows


@pytest.mark.parametrize("text", ["plain", "a=b", "'quoted'", " =late", "O'Brien"])
def test_a_harmless_text_stays_as_it_is(text: str) -> None:
    assert escape_cell(text) == text
    assert unescape_cell(text) == text


@pytest.mark.parametrize(
    ("value", "cell"),
    [
        (-3, "-3"),
        (Decimal("-1E-9"), "-0.000000001"),
        (Decimal("20.52022672899"), "20.52022672899"),
        (Decimal("1E+3"), "1000"),
        (0.1, "0.1"),
        (Decimal("NaN"), ""),
        (None, ""),
        (True, "true"),
        (dt.date(2026, 3, 1), "2026-03-01"),
        (dt.datetime(2026, 3, 1, 12, tzinfo=dt.UTC), "2026-03-01T12:00:00+00:00"),
        ('say "no"', '"say ""no"""'),
        ("=1+1", '"\'=1+1"'),
        ("", '""'),
    ],
)
def test_numbers_stay_bare_and_texts_are_quoted(value: object, cell: str) -> None:
    assert cell_text(value) == cell


MIXED = st.one_of(
    TEXTS | DANGEROUS,
    st.integers(),
    st.decimals(allow_nan=False, allow_infinity=False, places=9),
    st.dates(),
)


@given(st.lists(st.lists(MIXED, min_size=3, max_size=3), max_size=5))
def test_an_export_is_read_back_without_loss_and_numbers_are_numbers(rows: list[list[Any]]) -> None:
    text = "".join(csv_lines(["a", "b", "c"], rows))
    read = list(csv.reader(io.StringIO(text, newline="")))[1:]
    for cells, row in zip(read, rows, strict=True):
        for cell, value in zip(cells, row, strict=True):
            if isinstance(value, str):
                assert unescape_cell(cell) == value
                assert not cell.startswith(tuple(STARTERS))
            elif isinstance(value, dt.date):
                assert dt.date.fromisoformat(cell) == value
            else:
                assert Decimal(cell) == value
                assert not cell.startswith("'")


@given(st.decimals(allow_nan=False, allow_infinity=False))
def test_a_number_keeps_its_value_to_the_last_digit(number: Decimal) -> None:
    assert Decimal(cell_text(number)) == number


def test_a_response_is_streamed_in_blocks_and_names_its_file() -> None:
    rows = ([str(number), number] for number in range(5_000))
    response = csv_response("use-cases", ["text", "number"], rows)
    blocks = list(response)
    assert len(blocks) > 1
    assert b"".join(blocks).count(b"\r\n") == 5_001
    assert response.headers["Content-Disposition"] == 'attachment; filename="use-cases.csv"'
    assert response.headers["Cache-Control"] == "private, no-store"
