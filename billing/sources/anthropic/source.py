"""The Anthropic source: spooled or saved answers of the organisation APIs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from billing.sources.anthropic.client import COST_GROUPS, DIRECTORY, REPORTS, USAGE_GROUPS
from billing.sources.anthropic.dimensions import ACTOR, user_report
from billing.sources.anthropic.normaliser import (
    Place,
    charge_of,
    estimates_of,
    quantities_of,
)
from billing.sources.anthropic.repeats import Repeats
from billing.sources.anthropic.rows import (
    CLAUDE_CODE,
    CONTROL,
    bucket_start,
    is_flat,
)
from billing.sources.buckets import DAY, BucketReader, Period, Record, Row, in_page, rows_of
from billing.sources.lines import instant
from billing.sources.pages import Page, raw_text, read_pages
from portal.imports.contracts import Batch, LandedFile, Note, ReadOptions, raw_digest

WORKSPACE = "workspace_id"
# Reports that can be broken out by workspace.
_WITH_WORKSPACES = {
    name for name, groups in (COST_GROUPS | USAGE_GROUPS).items() if WORKSPACE in groups
}


class AnthropicSource:
    """Reads the report that the connection is configured for, and refuses any other.

    `docs/sources/anthropic.md` says what is taken and what its amounts mean.
    """

    key = "anthropic"
    parser_version = "3"

    def read(self, files: Iterable[LandedFile], options: ReadOptions) -> Iterator[Batch]:
        """Yield the records of each page, in US dollars and UTC.

        Raises:
            ImportRefusedError: the input as a whole must not be taken.
        """
        landed = list(files)
        reading = _Reading(options, *_first_look(landed, options))
        for page in read_pages(landed, options.limits):
            with in_page(page):
                records = tuple(reading.records(page))
            yield Batch(records, reading.buckets.rows.take_rejections())
        yield Batch(notes=reading.notes())


def _first_look(
    files: list[LandedFile], options: ReadOptions
) -> tuple[dict[str, str], dict[str, bool]]:
    """What must be known before the first record, wherever in the input it stands.

    Returns:
        names of workspaces by id; and whether a report that a person saved names any workspace.
    """
    names: dict[str, str] = {}
    names_any: dict[str, bool] = {}
    for page in read_pages(files, options.limits, of={DIRECTORY}):
        with in_page(page):
            report = _report_of(page)
            if report == DIRECTORY:
                for row in rows_of(page.body):
                    if isinstance(row.get("id"), str) and isinstance(row.get("name"), str):
                        names[row["id"]] = row["name"]
            elif report in _WITH_WORKSPACES:
                names_any[report] = names_any.get(report, False) or _names_workspace(page)
    return names, names_any


def _names_workspace(page: Page) -> bool:
    places = (row.get("group", row) for bucket in rows_of(page.body) for row in _inside(bucket))
    return any(isinstance(place, dict) and bool(place.get(WORKSPACE)) for place in places)


def _report_of(page: Page) -> str:
    """Which report a page is of: its name in the spool, or its shape when a person saved it."""
    if page.endpoint:
        return page.endpoint
    rows = rows_of(page.body)
    first = next((row for bucket in rows for row in _inside(bucket)), None)
    if first is None:
        return ""
    if first.get("type") == "workspace":
        return DIRECTORY
    if "model_breakdown" in first:
        return CLAUDE_CODE
    if "group" in first:
        return "analytics/cost" if "cost" in first else "analytics/usage"
    if first.get(ACTOR):
        raise user_report(page, first)
    is_enterprise = "data_refreshed_at" in page.body
    if "amount" in first:
        return "analytics/cost_report" if is_enterprise else "cost_report"
    if "uncached_input_tokens" in first:
        return "analytics/usage_report" if is_enterprise else "usage_report/messages"
    raise page.refuse(
        "unknown_report", "this is no answer of a report that is read", expected="a cost report"
    )


def _inside(bucket: dict[str, Any]) -> list[dict[str, Any]]:
    return rows_of(bucket, "results") if "results" in bucket else [bucket]


class _Reading:
    """What is known while the pages go by."""

    def __init__(
        self, options: ReadOptions, names: dict[str, str], names_any: dict[str, bool]
    ) -> None:
        self.buckets = BucketReader(options)
        self._report = str(options.config.get("report", "admin"))
        self._organization = str(options.config.get("organization", ""))
        self._names = names
        self._names_any = names_any
        self._repeats = Repeats()
        self._unfinished: dict[str, Page | None] = {}  # reports without days, until their last page

    def records(self, page: Page) -> Iterator[Record]:
        """What a page gives.

        Raises:
            ImportRefusedError: it is of a report that this connection does not read.
        """
        report = _report_of(page)
        if report == DIRECTORY or report.endswith(CONTROL):
            return
        buckets = rows_of(page.body)
        if report:
            self._refuse_other(page, report)
        if is_flat(report) or report == CLAUDE_CODE:
            is_last = not page.body.get("has_more")
            if is_last or report not in self._unfinished:
                self._unfinished[report] = None if is_last else page
            if not self.buckets.is_new(page, report, _name_of(page)):
                return
            if is_last and report == CLAUDE_CODE:
                self._repeats.end_days(page, buckets)
        for number, bucket in enumerate(buckets):
            yield from self._bucket(page, report, bucket, number)

    def _refuse_other(self, page: Page, report: str) -> None:
        taken = REPORTS.get(self._report, (CLAUDE_CODE,))
        if report not in taken:
            raise page.refuse(
                "other_report",
                f"this is {report}, which another connection has to read: amounts of two reports "
                "may be the same money",
                expected=" or ".join(taken),
            )

    def _bucket(
        self, page: Page, report: str, bucket: dict[str, Any], number: int
    ) -> Iterator[Record]:
        period = self.buckets.period(page, lambda: _period(report, bucket))
        day = str(period[0].date())
        if "results" in bucket and not self.buckets.is_new(page, report, day, number=number):
            return
        # What is fetched is broken out by workspace. Of a saved answer only its rows can tell, and
        # all of them together: a day of the default workspace alone has none that does.
        is_grouped = bool(page.endpoint) or self._names_any.get(report, False)
        place = Place(page, report, self._organization, self._names, is_grouped)
        if report == CLAUDE_CODE and not self._repeats.is_new(bucket):
            return
        for row in _inside(bucket):
            yield from self.buckets.records(
                page, row, lambda mended: _records_of(mended, period, place)
            )

    def notes(self) -> tuple[Note, ...]:
        """What is left to say at the end.

        Raises:
            ImportRefusedError: a report without days is not whole.
        """
        for report, page in self._unfinished.items():
            if page is not None:
                raise page.refuse(
                    "pages_missing",
                    f"the last page of {report} is not in the input",
                    expected="every page, up to the one that says has_more: false",
                )
        return (
            *self.buckets.notes(),
            *self._repeats.notes(),
            *self._notes_on_workspaces(),
        )

    def _notes_on_workspaces(self) -> Iterator[Note]:
        nameless = sorted(report for report, is_any in self._names_any.items() if not is_any)
        if nameless:
            yield Note(
                "no_workspace",
                f"No row of {' and '.join(nameless)} names a workspace, so their lines stand under "
                "none. A saved answer does not tell one that is not broken out by workspace from "
                "one that is all of the default workspace.",
            )


def _name_of(page: Page) -> str:
    """Names a page of a report without days by its content."""
    return f"page {raw_digest(raw_text(page.body))[:12]}"


def _records_of(row: Row, period: Period, place: Place) -> Iterable[Record]:
    if place.report == CLAUDE_CODE:
        return estimates_of(row, period, place)
    if place.report in COST_GROUPS:
        return (charge_of(row, period, place),)
    return quantities_of(row, period, place)


def _period(report: str, bucket: Row) -> Period:
    if report == CLAUDE_CODE:
        start = instant(bucket.get("date"), "date")
        return start, start + DAY
    return bucket_start(bucket), instant(bucket.get("ending_at"), "ending_at")
