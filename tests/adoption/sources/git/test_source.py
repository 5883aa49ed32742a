from __future__ import annotations

import gzip
import json
import random
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from adoption.sources.git.source import BATCH_ROWS, GitSource
from portal.imports.contracts import MAX_RAW_TEXT, ImportRefusedError, Limits, Source
from tests.adoption.histories import (
    Landing,
    Outcome,
    commit_row,
    make_sha,
    read_files,
    tag_row,
    to_lines,
    without,
)


@pytest.fixture
def landing(tmp_path: Path) -> Landing:
    return Landing(tmp_path)


def read_rows(landing: Landing, *rows: dict[str, Any]) -> Outcome:
    landing.add("commits.jsonl", to_lines(rows))
    return read_files(landing.files)


def test_it_is_a_source() -> None:
    assert isinstance(GitSource(), Source)
    assert GitSource.key == "git"


def test_a_commit_line_becomes_a_record_in_utc(landing: Landing) -> None:
    outcome = read_rows(landing, commit_row(2, message="Add dunning mails\n\nBody"))
    (commit,) = outcome.commits
    assert (commit.file_index, commit.line) == (0, 1)
    assert commit.sha == make_sha(2)
    assert commit.parents == (make_sha(1),)
    assert commit.authored_at == datetime(2026, 3, 1, 8, 30, tzinfo=UTC)
    assert commit.committed_at.tzinfo is UTC
    assert commit.author == ("Mira Okafor", "mira@acme.example")
    assert commit.message == "Add dunning mails\n\nBody"
    assert (commit.files_changed, commit.insertions, commit.deletions) == (1, 2, 0)
    assert commit.on_default_branch
    assert not outcome.rejections
    assert not outcome.notes


def test_unknown_counts_of_a_merge_stay_unknown(landing: Landing) -> None:
    merge = commit_row(
        3,
        parents=[make_sha(1), make_sha(2)],
        files_changed=None,
        insertions=None,
        deletions=None,
    )
    (commit,) = read_rows(landing, merge).commits
    assert (commit.files_changed, commit.insertions, commit.deletions) == (None, None, None)


def test_kinds_may_be_mixed_and_the_file_name_says_the_branch(landing: Landing) -> None:
    landing.add("tags-2.jsonl", to_lines([commit_row(1), tag_row("v1")]))
    landing.add("COMMITS_OFF_BRANCH-7.jsonl.gz", to_lines([commit_row(2)]), packed=True)
    landing.add("off_branch_folder/commits.jsonl", to_lines([commit_row(3)]))
    outcome = read_files(landing.files)
    assert [commit.on_default_branch for commit in outcome.commits] == [True, False, True]
    (tag,) = outcome.tags
    assert (tag.name, tag.target, tag.annotated, tag.line) == ("v1", make_sha(1), True, 2)
    assert tag.tagged_at == datetime(2026, 3, 2, 8, tzinfo=UTC)


def test_chunks_in_any_order_give_the_same_records(tmp_path: Path) -> None:
    rows = [commit_row(n) for n in range(1, 60)] + [tag_row(f"v{n}", n) for n in range(1, 9)]
    whole = Landing(tmp_path)
    whole.add("commits.jsonl", to_lines(rows))
    expected = {record[2:] for record in read_files(whole.files).records}
    dice = random.Random(5)  # noqa: S311 - shuffles test rows
    for attempt in range(5):
        dice.shuffle(rows)
        folder = tmp_path / str(attempt)
        folder.mkdir()
        chunks = Landing(folder)
        for start in range(0, len(rows), 13):
            content = to_lines(rows[start : start + 13])
            chunks.add(f"part{start}.jsonl", content, packed=dice.random() < 0.5)
        assert {record[2:] for record in read_files(chunks.files).records} == expected


@pytest.mark.parametrize(
    ("content", "count"),
    [
        (b"\xef\xbb\xbf" + to_lines([commit_row(1)]), 1),
        (to_lines([commit_row(1), commit_row(2)]).replace(b"\n", b"\r\n"), 2),
        (b"\n\n" + to_lines([commit_row(1)]) + b"  \n\n", 1),
        (to_lines([commit_row(1)]).rstrip(b"\n"), 1),
    ],
    ids=["byte order mark", "CRLF", "blank lines", "no line end at the end"],
)
def test_ways_to_write_a_file_make_no_difference(
    landing: Landing, content: bytes, count: int
) -> None:
    landing.add("commits.jsonl", content)
    outcome = read_files(landing.files)
    assert len(outcome.commits) == count
    assert not outcome.rejections


BAD_ROWS = [
    (without(commit_row(), "sha"), "sha", "missing_key"),
    (without(commit_row(), "message"), "message", "missing_key"),
    (without(commit_row(), "deletions"), "deletions", "missing_key"),
    (commit_row(author={"name": "Mira"}), "author.email", "missing_key"),
    (commit_row(author="Mira"), "author", "wrong_type"),
    (commit_row(committer={"name": 4, "email": ""}), "committer.name", "wrong_type"),
    (commit_row(author={"name": "M" * 201, "email": ""}), "author.name", "too_long"),
    (commit_row(sha="abc"), "sha", "bad_sha"),
    (commit_row(sha=make_sha(1).upper()), "sha", "bad_sha"),
    (commit_row(sha=None), "sha", "bad_sha"),
    (commit_row(parents=["HEAD~1"]), "parents", "bad_sha"),
    (commit_row(parents=make_sha(2)), "parents", "wrong_type"),
    (commit_row(parents=[make_sha(1)]), "parents", "own_parent"),
    (commit_row(committed_at="2026-03-01T10:00:00"), "committed_at", "naive_datetime"),
    (commit_row(committed_at="2026-02-30T10:00:00Z"), "committed_at", "bad_datetime"),
    (commit_row(committed_at="yesterday"), "committed_at", "bad_datetime"),
    (commit_row(committed_at=1772355600), "committed_at", "bad_datetime"),
    (commit_row(authored_at="0001-01-01T00:00:00+14:00"), "authored_at", "bad_datetime"),
    (commit_row(authored_at="2026-03-01T10:00:00+99:00"), "authored_at", "bad_datetime"),
    (commit_row(message=["a"]), "message", "wrong_type"),
    (commit_row(message="a\x00b"), "message", "bad_text"),
    (commit_row(message="half \ud800"), "message", "bad_text"),
    (commit_row(insertions=-1), "insertions", "bad_count"),
    (commit_row(insertions=True), "insertions", "bad_count"),
    (commit_row(insertions="2"), "insertions", "bad_count"),
    (commit_row(insertions=2.0), "insertions", "bad_count"),
    (commit_row(insertions=2**31), "insertions", "bad_count"),
    (tag_row(name=""), "name", "bad_tag_name"),
    (tag_row(name="v1\n"), "name", "bad_tag_name"),
    (tag_row(name="v" * 201), "name", "too_long"),
    (tag_row(type="signed"), "type", "bad_tag_type"),
    (tag_row(tagged_at="2026-03-02T08:00:00"), "tagged_at", "naive_datetime"),
    (without(tag_row(), "target"), "target", "missing_key"),
    (tag_row() | commit_row(), "", "unknown_record"),
    ({"BilledCost": "1.20"}, "", "unknown_record"),
    ({}, "", "unknown_record"),
]


@pytest.mark.parametrize(("row", "field", "code"), BAD_ROWS)
def test_a_bad_row_is_rejected_with_key_value_and_reason(
    landing: Landing, row: dict[str, Any], field: str, code: str
) -> None:
    outcome = read_rows(landing, commit_row(7), row, commit_row(8))
    (rejection,) = outcome.rejections
    assert (rejection.file_index, rejection.line) == (0, 2)
    assert (rejection.field, rejection.code) == (field, code)
    assert rejection.expected
    assert rejection.raw_text == json.dumps(row)
    assert not rejection.fatal
    assert [commit.sha for commit in outcome.commits] == [make_sha(7), make_sha(8)]
    for text in (rejection.value, rejection.raw_text, rejection.field):
        assert "\x00" not in text.encode("utf-8").decode("utf-8")


BAD_LINES = [
    (b"not json", "", "not_json"),
    (b"[1, 2]", "", "not_an_object"),
    (b'"text"', "", "not_an_object"),
    (b'{"sha": "a", "sha": "b"}', "sha", "duplicate_key"),
    (b'{"author": {"name": "a", "name": "a"}}', "name", "duplicate_key"),
    (b'{"insertions": NaN}', "", "bad_number"),
    (b'{"insertions": -Infinity}', "", "bad_number"),
    (b'{"insertions": ' + b"9" * 5000 + b"}", "", "bad_number"),
    (b'{"a": ' + b"[" * 200_000 + b"}", "", "too_deep"),
    (b"{" + b",".join(b'"k%d": 1' % n for n in range(30_000)) + b"}", "", "too_many_keys"),
    (b'{"name": "\xff"}', "", "bad_encoding"),
    (b'\x00\x00{"a": 1}', "", "not_json"),
]


@pytest.mark.parametrize(("line", "field", "code"), BAD_LINES, ids=[b[2] for b in BAD_LINES])
def test_a_line_that_is_no_object_is_rejected(
    landing: Landing, line: bytes, field: str, code: str
) -> None:
    landing.add("commits.jsonl", line + b"\n" + to_lines([commit_row(1)]))
    outcome = read_files(landing.files)
    (rejection,) = outcome.rejections
    assert (rejection.field, rejection.code, rejection.line) == (field, code, 1)
    assert len(rejection.raw_text) <= MAX_RAW_TEXT
    assert "\x00" not in rejection.raw_text
    assert len(outcome.commits) == 1


def test_an_unknown_key_is_noted_once(landing: Landing) -> None:
    outcome = read_rows(landing, commit_row(1, mood="good"), commit_row(2, mood="better"))
    assert [note.code for note in outcome.notes] == ["unknown_key"]
    assert "mood" in outcome.notes[0].message
    assert len(outcome.commits) == 2


def test_a_repair_takes_the_place_of_the_rejected_line(landing: Landing) -> None:
    bad = json.dumps(commit_row(2, committed_at="2026-03-01T10:00:00"))
    landing.add("commits.jsonl", to_lines([commit_row(1)]) + bad.encode() + b"\r\n")
    (rejection,) = read_files(landing.files).rejections
    mended = bad.replace("10:00:00", "10:00:00+01:00")
    outcome = read_files(landing.files, repairs={rejection.raw_sha256: mended})
    assert [commit.line for commit in outcome.commits] == [1, 2]
    assert not outcome.rejections


def test_a_repair_that_is_wrong_too_is_rejected_under_the_first_text(landing: Landing) -> None:
    landing.add("commits.jsonl", b"garbage \xff\n" + to_lines([commit_row(1)]))
    (rejection,) = read_files(landing.files).rejections
    outcome = read_files(landing.files, repairs={rejection.raw_sha256: "{}"})
    (again,) = outcome.rejections
    assert again.raw_sha256 == rejection.raw_sha256
    assert again.code == "unknown_record"


def test_a_file_cut_anywhere_in_its_last_line_is_refused(tmp_path: Path) -> None:
    content = to_lines([commit_row(1), commit_row(2, message="schön")])
    first = content.index(b"\n") + 1
    for end in range(first + 1, len(content) - 1):
        landing = Landing(tmp_path)
        landing.add("commits-3.jsonl", content[:end])
        with pytest.raises(ImportRefusedError) as refusal:
            read_files(landing.files)
        assert refusal.value.code == "truncated_file"
        assert "commits-3.jsonl, line 2" in str(refusal.value)


def test_a_cut_inside_a_character_is_refused_too(landing: Landing) -> None:
    line = json.dumps(commit_row(1, message="schön"), ensure_ascii=False).encode()
    landing.add("commits.jsonl", line[: line.index("ö".encode()) + 1])
    with pytest.raises(ImportRefusedError, match="truncated_file"):
        read_files(landing.files)


def test_a_bad_row_at_the_end_is_no_cut(landing: Landing) -> None:
    rows = to_lines([commit_row(1), commit_row(2, sha="abc")]).rstrip(b"\n")
    landing.add("commits.jsonl", rows)
    landing.add("more.jsonl", b'{"sha": oops}\n')
    outcome = read_files(landing.files)
    assert [rejection.code for rejection in outcome.rejections] == ["bad_sha", "not_json"]


def test_a_cut_line_in_the_middle_is_one_bad_row(landing: Landing) -> None:
    landing.add("commits.jsonl", b'{"sha": "abc\n' + to_lines([commit_row(1)]))
    outcome = read_files(landing.files)
    assert [rejection.code for rejection in outcome.rejections] == ["not_json"]
    assert len(outcome.commits) == 1


@pytest.mark.parametrize(
    "damage",
    [lambda data: data[:-9], lambda data: data[:40], lambda data: data[:60] + b"\x55" + data[61:]],
    ids=["trailer missing", "cut", "changed byte"],
)
def test_damaged_gzip_is_refused(landing: Landing, damage: Any) -> None:
    packed = gzip.compress(to_lines([commit_row(n) for n in range(1, 30)]))
    landing.add("commits.jsonl.gz", damage(packed))
    with pytest.raises(ImportRefusedError, match="damaged_gzip"):
        read_files(landing.files)


@pytest.mark.parametrize("content", [b"", b"\n \n", b"\xef\xbb\xbf"])
def test_an_input_without_lines_is_refused(landing: Landing, content: bytes) -> None:
    landing.add("commits.jsonl", content)
    with pytest.raises(ImportRefusedError, match="empty_input"):
        read_files(landing.files)


def test_one_empty_file_among_others_is_fine(landing: Landing) -> None:
    landing.add("tags.jsonl", b"")
    landing.add("commits.jsonl", to_lines([commit_row(1)]))
    assert len(read_files(landing.files).commits) == 1


@pytest.mark.parametrize("filler", [b"\x00", b"\n"], ids=["zeros", "line ends"])
def test_a_gzip_bomb_is_refused_early(landing: Landing, filler: bytes) -> None:
    landing.add("commits.jsonl.gz", filler * 20_000_000, packed=True)
    started = time.perf_counter()
    with pytest.raises(ImportRefusedError) as refusal:
        read_files(landing.files, limits=Limits(max_rows=1_000_000))
    assert refusal.value.code in ("line_too_long", "too_many_rows")
    assert time.perf_counter() - started < 10


def test_limits_hold_over_all_files_together(landing: Landing) -> None:
    for number in range(1, 5):
        landing.add(f"commits-{number}.jsonl", to_lines([commit_row(number)]))
    size = landing.files[0].size
    with pytest.raises(ImportRefusedError, match=r"commits-3\.jsonl.*too_many_rows"):
        read_files(landing.files, limits=Limits(max_rows=2))
    with pytest.raises(ImportRefusedError, match=r"commits-4\.jsonl.*too_many_bytes"):
        read_files(landing.files, limits=Limits(max_bytes=3 * size + 150))
    with pytest.raises(ImportRefusedError, match="line_too_long"):
        read_files(landing.files, limits=Limits(max_line_chars=100))
    outcome = read_files(landing.files, limits=Limits(max_cell_chars=3))
    assert {rejection.code for rejection in outcome.rejections} == {"too_long"}


def test_batches_are_bounded_in_rows_and_in_bytes(landing: Landing) -> None:
    landing.add("commits.jsonl", to_lines(commit_row(n) for n in range(1, BATCH_ROWS + 2)))
    landing.add("more.jsonl", to_lines(commit_row(n, message="x" * 200_000) for n in range(1, 99)))
    batches = read_files(landing.files).batches
    assert len(batches[0].records) == BATCH_ROWS
    assert len(batches) > 3
    assert max(sum(len(c.message) for c in batch.records) for batch in batches) < 9 * 1024**2
