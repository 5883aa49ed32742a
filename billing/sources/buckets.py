"""Reports that come in pages of daily buckets: every day of the window once, and sums that agree.

`{"data": […], "has_more": …, "next_page": …}` is how several providers answer. A cursor alone does
not show that a page was lost or came twice; the days and a second, ungrouped answer do.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from hashlib import blake2b
from typing import Any, NamedTuple

from billing.sources.lines import BadValueError
from billing.sources.pages import Page, RowReader, raw_text, read_pages
from billing.sources.records import ChargeRecord, UsageRecord
from portal.imports.contracts import (
    NOTHING_THERE,
    ImportRefusedError,
    LandedFile,
    Note,
    ReadOptions,
    SourceUnavailableError,
    every_page,
)
from portal.shell.money import EXACT, decimal_text

DAY = timedelta(days=1)
# Two answers about one day may be rounded differently, each within itself; a cent is a lost row.
CONTROL_TOLERANCE = Decimal("0.01")

Params = Sequence[tuple[str, str]]
Row = Mapping[str, Any]


def rows_of(body: Any, key: str = "data") -> list[dict[str, Any]]:
    """The rows of an answer, or of a part of it.

    Raises:
        ImportRefusedError: it has another shape. A reader of pages says in which one: `in_page`.
    """
    data = body.get(key) if isinstance(body, Mapping) else None
    if not isinstance(data, list) or not all(isinstance(row, dict) for row in data):
        raise ImportRefusedError(
            "unknown_answer",
            "the provider's answer has another shape than is documented",
            column=key,
            expected=f'an object with a list of objects, "{key}"',
        )
    return data


@contextmanager
def in_page(page: Page) -> Iterator[None]:
    """What is refused in here without saying where stands in this page."""
    try:
        yield
    except ImportRefusedError as error:
        if error.file:
            raise
        raise page.refuse(
            error.code, error.problem, field=error.column, expected=error.expected
        ) from error


def next_page(body: Any, key: str = "next_page") -> str | None:
    """The cursor of the next page, which stands under `key`; None after the last.

    Raises:
        SourceUnavailableError: there are more, and no cursor leads to them.
    """
    if not body.get("has_more"):
        return None
    cursor = body.get(key)
    if not cursor:
        raise SourceUnavailableError(
            "the provider says that there are more pages and not where, so the answer is not whole"
        )
    return str(cursor)


def next_id(body: Any) -> str | None:
    """The cursor of lists of things with ids: the last one of the page."""
    return next_page(body, "last_id")


def read_report(
    ask: Callable[[Params], Any], params: Params, *, parameter: str = "page"
) -> Iterator[Any]:
    """Every page of a report, in the order in which the cursor leads."""
    return every_page(lambda more: ask([*params, *more]), next_of=next_page, parameter=parameter)


def check_days(
    buckets: Iterable[Row],
    *,
    start_of: Callable[[Row], datetime],
    start: date,
    end: date,
) -> None:
    """See that every day of the window came, and no day twice with different content.

    Raises:
        SourceUnavailableError: one is missing or contradicts itself: a page was lost or repeated.
    """
    seen: dict[date, str] = {}
    for bucket in buckets:
        day = start_of(bucket).date()
        text = raw_text(bucket)
        if seen.setdefault(day, text) != text:
            raise SourceUnavailableError(f"the provider gives {day} twice, and differently")
    day = start
    while day < end:
        if day not in seen:
            raise SourceUnavailableError(
                f"the provider's answer leaves out {day}, so it is not whole and nothing is taken"
            )
        day += DAY


def check_rows(rows: Iterable[Any], *, name_of: Callable[[Any], object]) -> None:
    """See that no row of a report without days came twice, as those of a repeated page do.

    Raises:
        SourceUnavailableError: one did.
    """
    seen: set[str] = set()
    for row in rows:
        name = str(name_of(row))
        if name in seen:
            raise SourceUnavailableError(
                "the provider gives a row twice, so its pages are not what they were"
            )
        seen.add(name)


def check_totals(lines: Mapping[date, Decimal], control: Mapping[date, Decimal]) -> None:
    """See that the lines of each day add up to what the provider gives as that day's total.

    Raises:
        SourceUnavailableError: they differ by more than a cent: rows were lost, came twice, or were
            restated between the two requests.
    """
    for day in sorted(lines.keys() | control.keys()):
        found, told = lines.get(day, Decimal(0)), control.get(day, Decimal(0))
        if abs(EXACT.subtract(found, told)) > CONTROL_TOLERANCE:
            raise SourceUnavailableError(
                f"the lines of {day} add up to {decimal_text(found)} and the provider's own total "
                f"is {decimal_text(told)}, so the answer is not whole and nothing is taken"
            )


def add_up(amounts: Iterable[tuple[date, Decimal]]) -> dict[date, Decimal]:
    """Exact sums by day."""
    sums: dict[date, Decimal] = {}
    for day, amount in amounts:
        sums[day] = EXACT.add(sums.get(day, Decimal(0)), amount)
    return sums


def utc_midnight(day: date) -> datetime:
    """The start of a UTC day."""
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


Record = ChargeRecord | UsageRecord
Period = tuple[datetime, datetime]


class _Part(NamedTuple):
    """A part of a report that has been read: what it said, and where it stands."""

    digest: bytes
    file: LandedFile
    line: int
    number: int | None


class BucketReader:
    """Reads buckets of reports: each day once, repairs in place of what came, bad rows aside."""

    def __init__(self, options: ReadOptions) -> None:
        self.rows = RowReader(options)
        self._limits = options.limits
        self._seen: dict[tuple[str, str], _Part] = {}
        self._has_pages = False
        self._has_rows = False

    def is_new(self, page: Page, report: str, what: str, *, number: int | None = None) -> bool:
        """Whether this part of a report has not been read yet; the same twice counts once.

        Args:
            what: names the part, such as its day.
            number: which bucket of the page it is, from 0; without it, the part is the page.

        Raises:
            ImportRefusedError: it came before with other content.
        """
        self._has_pages = True
        content = _content(page, number)
        # Hardly anything comes twice. Pickle takes a fifth of the time of canonical JSON, but for
        # pickle the same keys in another order are another content.
        digest = blake2b(pickle.dumps(content), digest_size=16).digest()
        part = _Part(digest, page.file, page.line, number)
        known = self._seen.setdefault((report, what), part)
        if known is part:
            return True
        if known.digest != digest and raw_text(self._read_again(known)) != raw_text(content):
            raise page.refuse(
                "part_twice",
                f"{what} of {report} comes twice in this input, and differently",
                expected="each day of a report once",
            )
        return False

    def _read_again(self, part: _Part) -> Any:
        pages = read_pages([part.file], self._limits)
        page = next(page for page in pages if page.line == part.line)
        return _content(page, part.number)

    def period(self, page: Page, read: Callable[[], Period]) -> Period:
        """When a bucket was; a report whose days cannot be read is not taken at all.

        Raises:
            ImportRefusedError: it cannot be read.
        """
        try:
            return read()
        except BadValueError as error:
            raise page.refuse(
                error.code,
                f"the time {error.value!r} of a row cannot be read",
                field=error.field,
                expected=error.expected,
            ) from error

    def records(
        self, page: Page, row: Any, records_of: Callable[[Row], Iterable[Record]]
    ) -> list[Record]:
        """What a row gives; nothing when it is put aside."""
        try:
            mended = self.rows.mended(row)
            if not isinstance(mended, dict):
                raise BadValueError("", raw_text(mended), "bad_row", "an object")
            found = list(records_of(mended))
        except BadValueError as error:
            self._has_rows = True
            self.rows.reject(page, row, error)
            return []
        self._has_rows |= bool(found)
        return found

    def notes(self) -> tuple[Note, ...]:
        """What is to be said at the end."""
        if self._has_pages and not self._has_rows:
            return (Note(NOTHING_THERE, "The report has no rows for these days."),)
        return ()


def _content(page: Page, number: int | None) -> Any:
    return page.body if number is None else rows_of(page.body)[number]


def text_of(row: Row, key: str) -> str:
    """A name or word of a row; nothing for null.

    Raises:
        BadValueError: it is no text.
    """
    value = row.get(key)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise BadValueError(key, value, "bad_text", "text or null")
    return value


def part_of(row: Row, key: str) -> Row:
    """An object inside a row; an empty one for null.

    Raises:
        BadValueError: it is something else.
    """
    value = row.get(key)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise BadValueError(key, value, "bad_object", "an object or null")
    return value
