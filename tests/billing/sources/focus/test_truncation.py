"""A file cut anywhere is refused, or it was cut exactly behind a record."""

from __future__ import annotations

import gzip
import random
from pathlib import Path

import pytest

from portal.imports.contracts import ImportRefusedError
from tests.billing.sources.focus.focus_files import Reader, csv_bytes, landed, read_landed, rows_of
from tests.plugins.sweeping import sampled

CUTS = sampled([25, 200], 25)  # by default the first of those of a sweep
STEPS = sampled([8, 1], 8)  # by default every eighth place; in a sweep every one


def assert_cuts_are_seen(folder: Path, content: bytes, offsets: list[int]) -> int:
    """Returns how many cuts were refused."""
    path = folder / "whole.csv"
    path.write_bytes(content)
    whole = [(r.line, r.identity, r.content) for r in read_landed([landed(path)]).records]
    reader = Reader(folder)
    refused = 0
    for offset in offsets:
        try:
            outcome = reader(content[:offset])
        except ImportRefusedError:
            refused += 1
            continue
        assert not outcome.rejections, offset
        taken = [(r.line, r.identity, r.content) for r in outcome.records]
        # Nothing but whole records, all unchanged, and none lost before the cut.
        assert taken == whole[: len(taken)], offset
        assert content[offset - 1 : offset] == b"\n" or content[offset:].startswith(b"\n"), offset
    return refused


@pytest.mark.parametrize("cuts", CUTS)
def test_the_sample_cut_at_some_places_is_refused_or_cut_behind_a_record(
    shared_data: Path, tmp_path: Path, cuts: int
) -> None:
    content = (shared_data / "focus" / "focus_sample.csv").read_bytes()
    rng = random.Random(20261120)  # noqa: S311 - the same cuts in every run
    offsets = [rng.randrange(len(content)) for _ in range(cuts)]
    assert assert_cuts_are_seen(tmp_path, content, offsets) > cuts * 0.9


@pytest.mark.parametrize("step", STEPS)
def test_a_small_file_cut_at_every_end_of_a_row_and_between(tmp_path: Path, step: int) -> None:
    """Between: at places `step` apart."""
    content = csv_bytes(rows_of(3, ChargeDescription='a "b"\nc'))
    header = content.index(b"\n") + 1
    ends = {
        place + near
        for place in range(header, len(content))
        for near in (-1, 0, 1, 2)
        if content[place : place + 1] == b"\n"
    }
    offsets = sorted({*ends, *range(header, len(content) + 1, step)} & {*range(len(content) + 1)})
    refused = assert_cuts_are_seen(tmp_path, content, offsets)
    # What is read: behind each record with and without its line ending, never behind the header.
    assert len(offsets) - refused == 2 * 3


@pytest.mark.parametrize("step", STEPS)
def test_a_gzip_cut_anywhere_is_refused(tmp_path: Path, step: int) -> None:
    packed = gzip.compress(csv_bytes(rows_of(50)))
    reader = Reader(tmp_path)
    for size in {*range(2, len(packed), step), len(packed) - 1}:
        assert reader.refusal(packed[:size]).code == "truncated_gzip", size


def test_an_empty_last_cell_at_the_end_is_taken_where_no_row_has_more(tmp_path: Path) -> None:
    read = Reader(tmp_path)
    empty = csv_bytes(rows_of(3, Tags=""))
    assert read(empty[:-1]).digests == read(empty).digests
    assert read(empty[:-1]).note_codes == ["no_line_ending"]
    filled = csv_bytes([*rows_of(2), *rows_of(1, Tags="")])
    assert len(read(filled).records) == 3
    assert read.refusal(filled[:-1]).code == "truncated_file"
    assert read.refusal(csv_bytes(rows_of(1, Tags=""))[:-1]).code == "truncated_file"
