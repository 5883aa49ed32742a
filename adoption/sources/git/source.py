"""The source `git`: exported histories (commits and tags as JSON Lines) into frozen records.

A repository is first exported by `client.py`, so that a repository and an export that somebody
sends are read by the same code.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import PurePosixPath

from adoption.sources.git.normaliser import normalise, unknown_keys
from adoption.sources.git.parser import (
    BadLineError,
    Budget,
    RawLine,
    clean_text,
    looks_cut_off,
    parse_object,
    raw_record,
    read_lines,
    show_value,
)
from adoption.sources.records import CommitRecord, TagRecord
from portal.imports.contracts import (
    Batch,
    ImportRefusedError,
    LandedFile,
    Note,
    ReadOptions,
    Rejection,
    raw_digest,
)

BATCH_ROWS = 2_000
BATCH_BYTES = 8 * 1024 * 1024  # long messages must not make a batch large
MAX_NOTED_KEYS = 20
OFF_BRANCH_MARK = "off_branch"


class GitSource:
    """Reads `commits*.jsonl`, `commits_off_branch*.jsonl` and `tags*.jsonl`.

    What a line is, its keys say; whether a commit is on the default branch, the file name says
    (`off_branch` in it: no). Files may be cut into any number of chunks and come in any order;
    the order of lines means nothing.
    """

    key = "git"
    parser_version = "1"

    def read(self, files: Iterable[LandedFile], options: ReadOptions) -> Iterator[Batch]:
        """Yield all records in file order, rejected lines beside them.

        Raises:
            ImportRefusedError: a file is cut off or damaged, a limit is exceeded, or there is not
                a single line in the whole input.
        """
        reading = _Reading(options)
        for file in files:
            yield from reading.read_file(file)
        if not reading.lines:
            raise ImportRefusedError(
                "empty_input",
                "there is no line in the input",
                expected="at least one commit or tag; an export of a repository is never empty",
            )
        yield from reading.flush()


class _Reading:
    """The state of one reading: limits used up, the batch being filled, keys already noted."""

    def __init__(self, options: ReadOptions) -> None:
        self.options = options
        self.budget = Budget(options.limits)
        self.lines = 0
        self._size = 0
        self._records: list[CommitRecord | TagRecord] = []
        self._rejections: list[Rejection] = []
        self._notes: list[Note] = []
        self._noted: set[str] = set()

    def read_file(self, file: LandedFile) -> Iterator[Batch]:
        on_branch = OFF_BRANCH_MARK not in PurePosixPath(file.name).name.lower()
        suspect: tuple[RawLine, Rejection] | None = None
        for line in read_lines(file, self.budget):
            self.lines += 1
            if suspect:  # another line follows, so it was one bad row and not the cut end
                self._rejections.append(suspect[1])
                suspect = None
            rejection = self._take(file, line, on_branch)
            if rejection and looks_cut_off(line, rejection.code):
                suspect = line, rejection
            elif rejection:
                self._rejections.append(rejection)
            self._size += len(line.data)
            rows = len(self._records) + len(self._rejections)
            if rows >= BATCH_ROWS or self._size >= BATCH_BYTES:
                yield from self.flush()
        if suspect:
            raise ImportRefusedError(
                "truncated_file",
                "the last line does not end: the file was cut off",
                file=file.name,
                line=suspect[0].number,
                value=show_value(raw_record(suspect[0].data[-80:])),
                expected="a complete file; copy or export it again",
            )

    def flush(self) -> Iterator[Batch]:
        """Yield what has gathered, if anything has."""
        if self._records or self._rejections or self._notes:
            yield Batch(tuple(self._records), tuple(self._rejections), tuple(self._notes))
        self._records, self._rejections, self._notes, self._size = [], [], [], 0

    def _take(self, file: LandedFile, line: RawLine, on_branch: bool) -> Rejection | None:
        try:
            row = parse_object(self._mended(line))
            record = normalise(
                row,
                file_index=file.index,
                line=line.number,
                on_default_branch=on_branch,
                limits=self.options.limits,
            )
        except BadLineError as error:
            return Rejection(
                file_index=file.index,
                line=line.number,
                field=error.field,
                value=error.value,
                code=error.code,
                expected=error.expected,
                raw_text=raw_record(line.data),
            )
        self._records.append(record)
        self._note(unknown_keys(row))
        return None

    def _mended(self, line: RawLine) -> bytes | str:
        if not self.options.repairs:
            return line.data
        return self.options.repairs.get(raw_digest(raw_record(line.data)), line.data)

    def _note(self, keys: frozenset[str]) -> None:
        for key in sorted(keys - self._noted):
            if len(self._noted) >= MAX_NOTED_KEYS:
                return
            self._noted.add(key)
            shown = clean_text(key[:80])
            self._notes.append(Note("unknown_key", f"The key {shown!r} is not known; ignored."))
