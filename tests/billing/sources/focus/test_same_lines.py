"""The same lines are told in any order, packing and cut; nothing else is taken for them."""

from __future__ import annotations

import gzip
import random
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from billing.sources.focus import same_lines as module
from billing.sources.focus.same_lines import same_lines
from portal.imports.contracts import LandedFile
from tests.billing.sources.focus.focus_files import landed

HEADER = b"Account,Cost,Words\n"
LINES = [f'{number % 7},{number}.50,"a, ""b"" {number % 3}"\n'.encode() for number in range(200)]


@pytest.fixture(autouse=True)
def _small_files_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LEAST_BYTES", 1)


def files(folder: Path, *contents: bytes) -> list[LandedFile]:
    found = []
    for index, content in enumerate(contents):
        path = folder / f"{len(list(folder.iterdir()))}.csv"
        path.write_bytes(content)
        found.append(landed(path, index))
    return found


def shuffled(lines: Sequence[bytes], seed: int = 1) -> list[bytes]:
    return random.Random(seed).sample(lines, len(lines))  # noqa: S311  (an order, no secret)


PACKINGS: dict[str, Callable[[], list[bytes]]] = {
    "as it was": lambda: [HEADER + b"".join(LINES)],
    "other order": lambda: [HEADER + b"".join(shuffled(LINES))],
    "two files": lambda: [HEADER + b"".join(LINES[:9]), HEADER + b"".join(LINES[9:])],
    "gzip": lambda: [gzip.compress(HEADER + b"".join(LINES))],
    "CRLF": lambda: [(HEADER + b"".join(LINES)).replace(b"\n", b"\r\n")],
    "BOM": lambda: [b"\xef\xbb\xbf" + HEADER + b"".join(LINES)],
    "blank lines": lambda: [HEADER + b"\n".join(LINES) + b"\n\n"],
    "no last line ending": lambda: [(HEADER + b"".join(LINES)).rstrip()],
    "all at once": lambda: [
        gzip.compress((HEADER + b"".join(half)).replace(b"\n", b"\r\n"))
        for half in (shuffled(LINES)[:50], shuffled(LINES)[50:])
    ],
}


@pytest.mark.parametrize("how", PACKINGS)
def test_the_same_lines_are_told(how: str, tmp_path: Path) -> None:
    before = files(tmp_path, HEADER + b"".join(LINES))
    now = files(tmp_path, *PACKINGS[how]())
    assert same_lines(before, now, rows=len(LINES))
    assert same_lines(now, before, rows=len(LINES))


OTHERS: dict[str, Callable[[], list[bytes]]] = {
    "one digit": lambda: [HEADER + b"".join(LINES).replace(b"17.50", b"17.51")],
    "one line less": lambda: [HEADER + b"".join(LINES[1:])],
    "one line twice": lambda: [HEADER + b"".join([*LINES, LINES[5]])],
    "one line twice and another gone": lambda: [HEADER + b"".join([*LINES[1:], LINES[5]])],
    "two cells changed about": lambda: [
        HEADER + b"".join([*LINES[2:], LINES[0].replace(b"0.50", b"1.50"),
                           LINES[1].replace(b"1.50", b"0.50")])
    ],
    "a blank behind a cell": lambda: [HEADER + b"".join(LINES).replace(b"17.50", b"17.50 ")],
    "other columns": lambda: [HEADER.replace(b"Cost", b"Fees") + b"".join(LINES)],
    "columns changed about": lambda: [b"Cost,Account,Words\n" + b"".join(LINES)],
    "two headers": lambda: [HEADER + b"".join(LINES[:9]), b"A,B,C\n" + b"".join(LINES[9:])],
    "a file without lines": lambda: [HEADER + b"".join(LINES), HEADER],
    "a file without anything": lambda: [HEADER + b"".join(LINES), b""],
    "no text": lambda: [HEADER + b"".join(LINES)[:-2] + b"\xff\n"],
    "cut gzip": lambda: [gzip.compress(HEADER + b"".join(LINES))[:-40]],
    "Parquet": lambda: [b"PAR1" + b"\0" * 300 + b"PAR1"],
}  # fmt: skip


@pytest.mark.parametrize("how", OTHERS)
def test_nothing_else_is_taken_for_the_same(how: str, tmp_path: Path) -> None:
    before = files(tmp_path, HEADER + b"".join(LINES))
    now = files(tmp_path, *OTHERS[how]())
    for rows in (len(LINES) - 1, len(LINES), len(LINES) + 1):
        assert not same_lines(before, now, rows=rows)


ODD: dict[str, tuple[bytes, int]] = {
    "records of two lines": (b'1,2.50,"one\nother"\n2,3.50,"two\nmore"\n', 2),
    "an empty line in a cell": (b'1,2.50,"one\n\n"\n', 1),
    "a carriage return in a line": (b"1,2.50,one\rother\n", 1),
    "a carriage return for one line break more": (b'1,2.50,one\rother\n2,3.50,"two\nmore"\n', 3),
    "NUL": (b"1,2.50,one\0other\n", 1),
    "our own separator": (b"1,2.50,one\x1fother\n", 1),
}


@pytest.mark.parametrize("how", ODD)
def test_lines_that_do_not_tell_the_records_are_not_told(how: str, tmp_path: Path) -> None:
    odd, records = ODD[how]
    before, now = (files(tmp_path, HEADER + b"".join(LINES) + odd) for _ in range(2))
    assert not same_lines(before, now, rows=len(LINES) + records)


def test_records_of_two_lines_that_swap_their_ends_are_not_the_same(tmp_path: Path) -> None:
    """The lines are the same, the records are not."""
    before = files(tmp_path, HEADER + b'1,2.50,"one\nend"\n2,3.50,"two\nstop"\n')
    now = files(tmp_path, HEADER + b'1,2.50,"one\nstop"\n2,3.50,"two\nend"\n')
    assert not same_lines(before, now, rows=2)


def test_small_files_are_not_looked_at(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    before = files(tmp_path, HEADER + b"".join(LINES))
    monkeypatch.setattr(module, "LEAST_BYTES", before[0].size + 1)
    assert not same_lines(before, before, rows=len(LINES))


def test_so_many_rows_that_it_would_take_long_are_not_looked_at(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    before = files(tmp_path, HEADER + b"".join(LINES))
    assert same_lines(before, before, rows=len(LINES))
    monkeypatch.setattr(module, "MOST_ROWS", len(LINES) - 1)
    assert not same_lines(before, before, rows=len(LINES))


def test_a_file_that_is_gone_is_not_told(tmp_path: Path) -> None:
    before, now = (files(tmp_path, HEADER + b"".join(LINES)) for _ in range(2))
    before[0].path.unlink()
    assert not same_lines(before, now, rows=len(LINES))


_lines = st.lists(st.sampled_from([b"1,2", b"1,2 ", b"2,1", b'"1",2', b"1,", b"12"]), min_size=1)


@given(before=_lines, now=_lines)
@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=40
)
def test_it_is_the_same_exactly_when_the_sorted_lines_are(
    before: list[bytes], now: list[bytes], tmp_path: Path
) -> None:
    sides = [files(tmp_path, b"a,b\n" + b"\n".join(lines) + b"\n") for lines in (before, now)]
    assert same_lines(*sides, rows=len(before)) == (sorted(before) == sorted(now))
