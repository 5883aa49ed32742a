"""Rows wait slice by slice."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from billing.services.slice_spool import SliceSpool


@pytest.fixture
def spool(tmp_path: Path) -> Iterator[SliceSpool]:
    opened = SliceSpool(tmp_path / "not yet there")
    yield opened
    opened.close()


def test_rows_come_back_by_slice_in_the_order_in_which_they_came(spool: SliceSpool) -> None:
    spool.add([1, 2, 1], [0, 1, 1], [b"a", b"bb", b"c"])
    spool.add([3, 1], [1, 0], [b"d", b""])
    assert list(spool.pieces([3, 1])) == [
        (3, [1], [b"d"]),
        (1, [0, 1], [b"a", b"c"]),
        (1, [0], [b""]),
    ]
    assert list(spool.pieces([])) == []
    assert list(spool.pieces([4])) == []


def test_rows_may_be_added_after_some_were_read(spool: SliceSpool) -> None:
    spool.add([1, 1], [0, 0], [("one", 1, None), ("two", 2**62, None)])
    assert len(list(spool.pieces([1]))) == 1
    spool.add([1], [5], [("three", -1, "")])
    assert [piece.rows for piece in spool.pieces([1])] == [
        [("one", 1, None), ("two", 2**62, None)],
        [("three", -1, "")],
    ]


def test_its_file_has_no_name_that_a_killed_process_could_leave(
    spool: SliceSpool, tmp_path: Path
) -> None:
    spool.add([1], [0], [b"a"])
    assert [each for each in tmp_path.rglob("*") if each.is_file()] == []
