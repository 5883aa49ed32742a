"""Reads the output of `git log` with numbers: a stream of NUL-ended tokens into commits.

Each commit is `LOG_FIELDS`, an empty token, and one token a changed file
(`insertions TAB deletions TAB path`, `-` for a binary file). Nothing in a message, a name or a
path can contain NUL, so nothing in them can be taken for structure.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import IO, NamedTuple

from portal.imports.contracts import ImportRefusedError

LOG_FIELDS = ("H", "P", "aI", "at", "cI", "ct", "an", "ae", "cn", "ce", "B", "N")
LOG_ARGUMENTS = (
    "log",
    "-z",
    "--format=" + "".join(f"%{field}%x00" for field in LOG_FIELDS),
    "--encoding=UTF-8",
    "--topo-order",
    "--reverse",
    "--no-color",
    # Of all notes only those of git-ai, whatever the configuration displays.
    "--no-notes",
    "--notes=refs/notes/ai",
    "--no-show-signature",
    # The numbers must not depend on anybody's configuration: renames count as delete plus add.
    "--numstat",
    "--no-renames",
    "--no-ext-diff",
    "--no-textconv",
    "--diff-algorithm=myers",
    "--ignore-submodules=none",
    "-O/dev/null",
    "--stdin",
)
MAX_TOKEN_BYTES = 4 * 1024 * 1024
_CHUNK = 64 * 1024
_NUMBERS = re.compile(rb"\n?(\d+|-)\t(\d+|-)\t")


class LogCommit(NamedTuple):
    """One commit as git prints it. Times are ISO 8601 with offset; counts None for merges."""

    sha: str
    parents: list[str]
    authored_at: str
    committed_at: str
    author: tuple[str, str]
    committer: tuple[str, str]
    message: str
    files_changed: int | None
    insertions: int | None
    deletions: int | None
    ai_note: str = ""


def read_log(stream: IO[bytes]) -> Iterator[LogCommit]:
    """Yield the commits of a `git log` that was called with `LOG_ARGUMENTS`.

    A stream that ends in the middle of a commit ends quietly: git's exit code says why.

    Raises:
        ImportRefusedError: one field is longer than `MAX_TOKEN_BYTES`.
    """
    tokens = _read_tokens(stream)
    token = next(tokens, None)
    while token is not None:
        fields = [token, *(text for _, text in zip(LOG_FIELDS, tokens, strict=False))]
        if len(fields) <= len(LOG_FIELDS):
            return
        files = insertions = deletions = 0
        token = next(tokens, None)
        while token is not None and (numbers := _NUMBERS.match(token)):
            files += 1
            insertions += int(numbers[1]) if numbers[1] != b"-" else 0
            deletions += int(numbers[2]) if numbers[2] != b"-" else 0
            token = next(tokens, None)
        yield _build(fields, (files, insertions, deletions))


def pick_moment(written: str, epoch: str) -> str:
    """A time in ISO 8601, from git's own writing, or from the seconds where that is no time.

    Broken offsets exist in real histories (`+51800`). The instant is right nevertheless.
    """
    try:
        moment = datetime.fromisoformat(written)
    except ValueError:
        try:
            moment = datetime.fromtimestamp(int(epoch), UTC)
        except (ValueError, OverflowError, OSError):
            return written  # the parser rejects it by name
    return moment.isoformat()


def _read_tokens(stream: IO[bytes]) -> Iterator[bytes]:
    rest = b""
    while chunk := stream.read(_CHUNK):
        *whole, rest = (rest + chunk).split(b"\x00")
        yield from whole
        if len(rest) > MAX_TOKEN_BYTES:
            raise ImportRefusedError(
                "commit_too_long",
                "a commit has a message or name of absurd length",
                expected=f"at most {MAX_TOKEN_BYTES} bytes",
            )


def _build(fields: list[bytes], numbers: tuple[int, int, int]) -> LogCommit:
    text = [field.decode("utf-8", "replace") for field in fields]
    parents = text[1].split()
    files, insertions, deletions = numbers if len(parents) < 2 else (None, None, None)
    return LogCommit(
        sha=text[0],
        parents=parents,
        authored_at=pick_moment(text[2], text[3]),
        committed_at=pick_moment(text[4], text[5]),
        author=(text[6], text[7]),
        committer=(text[8], text[9]),
        message=text[10].rstrip("\n"),
        files_changed=files,
        insertions=insertions,
        deletions=deletions,
        # On a merge it only repeats what the branch's commits say.
        ai_note=text[11].rstrip("\n") if len(parents) < 2 else "",
    )
