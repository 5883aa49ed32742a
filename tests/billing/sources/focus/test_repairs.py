"""A rejected row that a person has mended is read from its mended text."""

from __future__ import annotations

from decimal import Decimal

import pytest

from portal.imports.contracts import raw_digest
from tests.billing.sources.focus.focus_files import BASE_ROW, Reader, csv_bytes

GOOD = BASE_ROW | {"ResourceId": "other"}
BAD = GOOD | {"BilledCost": "1.234,50"}
CONTENT = csv_bytes([BASE_ROW, BAD])


def raw(row: dict[str, str]) -> str:
    return csv_bytes([row]).decode().split("\n", 1)[1]


@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_the_mended_row_is_taken_in_place_of_the_raw_one(read: Reader, line_end: str) -> None:
    [rejection] = read(CONTENT).rejections
    repairs = {rejection.raw_sha256: raw(GOOD | {"BilledCost": "1234.50"})}
    outcome = read(csv_bytes([BASE_ROW, BAD], line_end=line_end), repairs=repairs)
    assert not outcome.rejections
    assert [record.line for record in outcome.records] == [2, 3]
    assert outcome.records[1].billed_exact == Decimal("1234.50")
    assert [note.code for note in outcome.notes] == ["repaired_row"]
    assert "line 3" in outcome.notes[0].message


def test_a_mended_row_that_is_still_wrong_is_rejected_under_its_first_text(read: Reader) -> None:
    digest = raw_digest(raw(BAD))
    outcome = read(CONTENT, repairs={digest: raw(GOOD | {"BilledCost": "about 5"})})
    [rejection] = outcome.rejections
    assert rejection.value == "about 5"
    assert rejection.raw_sha256 == digest
    assert rejection.fatal


@pytest.mark.parametrize("repair", ["", "a,b", raw(GOOD) + raw(GOOD), raw(GOOD)[:-3]])
def test_a_repair_that_is_not_one_record_is_rejected(read: Reader, repair: str) -> None:
    outcome = read(CONTENT, repairs={raw_digest(raw(BAD)): repair})
    [rejection] = outcome.rejections
    assert (rejection.code, rejection.line, rejection.fatal) == ("bad_repair", 3, True)
    assert rejection.expected == f"a mended text that is one CSV record of {len(GOOD)} cells"
    assert rejection.raw_text == raw(BAD).rstrip("\n")


def test_other_rows_are_not_touched_by_a_repair(read: Reader) -> None:
    repairs = {raw_digest(raw(BAD)): raw(GOOD | {"BilledCost": "2"}), raw_digest("x"): "y"}
    mended = read(CONTENT, repairs=repairs)
    assert mended.records[0] == read(csv_bytes([BASE_ROW])).records[0]
