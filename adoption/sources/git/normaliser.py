"""One object of an exported history becomes a `CommitRecord` or a `TagRecord`, or a fault.

Format: `docs/sources/git.md`. Times are turned into UTC here and nowhere else; a time without an
offset is refused, because guessing its zone moves changes between days and releases.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from adoption.sources.git.parser import BadLineError
from adoption.sources.records import CommitRecord, Person, TagRecord
from portal.imports.contracts import Limits

COMMIT_KEYS = frozenset(
    {
        "sha",
        "parents",
        "authored_at",
        "committed_at",
        "author",
        "committer",
        "subject",
        "message",
        "files_changed",
        "insertions",
        "deletions",
        "ai_note",
    }
)
TAG_KEYS = frozenset({"name", "type", "target", "tagged_at", "tagger", "on_default_branch"})

# One of these says what a line is meant to be, even when another key is missing.
COMMIT_MARKS = frozenset({"sha", "parents", "authored_at", "committed_at"})
TAG_MARKS = frozenset({"target", "tagged_at"})

# As wide as the columns that they go to: longer ones would fail on PostgreSQL only.
MAX_NAME_CHARS = 200
MAX_EMAIL_CHARS = 254
MAX_TAG_CHARS = 200
MAX_COUNT = 2**31 - 1  # the columns are 32-bit integers
FIRST_YEAR, LAST_YEAR = 1970, 2199  # Git counts from 1970; far dates are clock faults

_SHA = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_MOMENT = re.compile(
    r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d{1,9})?(?P<offset>Z|[+-]\d\d:?\d\d)?", re.ASCII
)
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


def normalise(
    row: Mapping[str, Any], *, file_index: int, line: int, on_default_branch: bool, limits: Limits
) -> CommitRecord | TagRecord:
    """Build the record that a line stands for.

    Raises:
        BadLineError: a key is missing, of the wrong type or out of range, or it cannot be told
            whether the line is a commit or a tag.
    """
    commit, tag = bool(COMMIT_MARKS & row.keys()), bool(TAG_MARKS & row.keys())
    if commit == tag:
        raise BadLineError(
            code="unknown_record",
            expected="either a commit (key sha) or a tag (keys name and target)",
            value=sorted(row)[:20],
        )
    if tag:
        return _tag(row, file_index, line)
    return _commit(row, file_index, line, on_default_branch, limits)


def unknown_keys(row: Mapping[str, Any]) -> frozenset[str]:
    """Keys that the format does not have; they are ignored, and a note says so."""
    return frozenset(row.keys() - COMMIT_KEYS - TAG_KEYS)


def _commit(
    row: Mapping[str, Any], file_index: int, line: int, on_default_branch: bool, limits: Limits
) -> CommitRecord:
    sha = _read_sha(row, "sha")
    return CommitRecord(
        file_index=file_index,
        line=line,
        sha=sha,
        parents=_read_parents(row, sha),
        authored_at=_read_moment(row, "authored_at"),
        committed_at=_read_moment(row, "committed_at"),
        author=_read_person(row, "author"),
        committer=_read_person(row, "committer"),
        message=_read_text(row, "message", limits.max_cell_chars),
        files_changed=_read_count(row, "files_changed"),
        insertions=_read_count(row, "insertions"),
        deletions=_read_count(row, "deletions"),
        on_default_branch=on_default_branch,
        ai_note=_read_text(row, "ai_note", limits.max_cell_chars) if "ai_note" in row else "",
    )


def _tag(row: Mapping[str, Any], file_index: int, line: int) -> TagRecord:
    name = _read_text(row, "name", MAX_TAG_CHARS)
    if not name or name != name.strip() or _CONTROL.search(name):
        raise BadLineError(
            code="bad_tag_name", field="name", value=name, expected="a tag name as Git allows it"
        )
    kind = _require(row, "type")
    if kind not in ("annotated", "lightweight"):
        raise BadLineError(
            code="bad_tag_type", field="type", value=kind, expected="annotated or lightweight"
        )
    return TagRecord(
        file_index=file_index,
        line=line,
        name=name,
        target=_read_sha(row, "target"),
        tagged_at=_read_moment(row, "tagged_at"),
        annotated=kind == "annotated",
    )


def _require(row: Mapping[str, Any], key: str, field: str = "") -> Any:
    if key not in row:
        raise BadLineError(
            code="missing_key",
            field=field or key,
            value=sorted(row)[:20],
            expected=f"the key {field or key}",
        )
    return row[key]


def _check_sha(value: object, field: str) -> str:
    if not isinstance(value, str) or not _SHA.fullmatch(value):
        raise BadLineError(
            code="bad_sha",
            field=field,
            value=value,
            expected="40 or 64 hexadecimal digits in lower case",
        )
    return value


def _read_sha(row: Mapping[str, Any], key: str) -> str:
    return _check_sha(_require(row, key), key)


def _read_parents(row: Mapping[str, Any], sha: str) -> tuple[str, ...]:
    value = _require(row, "parents")
    if not isinstance(value, list):
        raise BadLineError(
            code="wrong_type", field="parents", value=value, expected="a list of commit names"
        )
    parents = tuple(_check_sha(item, "parents") for item in value)
    if sha in parents:
        raise BadLineError(
            code="own_parent", field="parents", value=sha, expected="parents other than the commit"
        )
    return parents


def _read_moment(row: Mapping[str, Any], key: str) -> datetime:
    value = _require(row, key)
    match = _MOMENT.fullmatch(value) if isinstance(value, str) else None
    if not match:
        raise BadLineError(
            code="bad_datetime",
            field=key,
            value=value,
            expected="a date and time with offset, such as 2026-03-01T09:30:00+01:00",
        )
    if match["offset"] is None:
        raise BadLineError(
            code="naive_datetime",
            field=key,
            value=value,
            expected="an offset from UTC after the time, such as +01:00 or Z",
        )
    try:
        moment = datetime.fromisoformat(match[0]).astimezone(UTC)
    except (ValueError, OverflowError):
        moment = None
    if moment is None or not FIRST_YEAR <= moment.year <= LAST_YEAR:
        raise BadLineError(
            code="bad_datetime",
            field=key,
            value=value,
            expected=f"a date that exists, between {FIRST_YEAR} and {LAST_YEAR}",
        )
    return moment


def _check_text(value: object, field: str, most: int) -> str:
    if not isinstance(value, str):
        raise BadLineError(code="wrong_type", field=field, value=value, expected="text")
    if len(value) > most:
        raise BadLineError(
            code="too_long", field=field, value=value, expected=f"at most {most} characters"
        )
    if not _is_storable(value):
        raise BadLineError(
            code="bad_text",
            field=field,
            value=value,
            expected="text without NUL and without halves of characters",
        )
    return value


def _is_storable(text: str) -> bool:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return "\x00" not in text


def _read_text(row: Mapping[str, Any], key: str, most: int) -> str:
    return _check_text(_require(row, key), key, most)


def _read_person(row: Mapping[str, Any], key: str) -> Person:
    value = _require(row, key)
    if not isinstance(value, dict):
        raise BadLineError(
            code="wrong_type", field=key, value=value, expected="an object with name and email"
        )
    name, email = (
        _check_text(_require(value, part, f"{key}.{part}"), f"{key}.{part}", most)
        for part, most in (("name", MAX_NAME_CHARS), ("email", MAX_EMAIL_CHARS))
    )
    return Person(name, email)


def _read_count(row: Mapping[str, Any], key: str) -> int | None:
    value = _require(row, key)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= MAX_COUNT:
        raise BadLineError(
            code="bad_count",
            field=key,
            value=value,
            expected=f"a whole number from 0 to {MAX_COUNT}, or null when it is not known",
        )
    return value
