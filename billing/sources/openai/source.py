"""The OpenAI source: spooled or saved answers of the organisation API."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from itertools import starmap
from typing import Any

from billing.sources.buckets import BucketReader, Period, Record, Row, in_page, rows_of
from billing.sources.openai.normaliser import COUNTED, Place, charge_of, quantities_of
from billing.sources.openai.owners import KEY, USER, Owners
from billing.sources.openai.rows import (
    CONTROL,
    COSTS,
    KEYS,
    PROJECTS,
    USAGE,
    USERS,
    bucket_period,
    results_of,
)
from billing.sources.pages import Page, read_pages
from portal.imports.contracts import Batch, LandedFile, Note, ReadOptions


class OpenAISource:
    """Reads costs and usage; names come from the lists of projects and keys beside them.

    `docs/sources/openai.md` says what is taken and what its amounts mean.
    """

    key = "openai"
    parser_version = "2"

    def read(self, files: Iterable[LandedFile], options: ReadOptions) -> Iterator[Batch]:
        """Yield the records of each page, in the currency of its rows and UTC.

        Raises:
            ImportRefusedError: the input as a whole must not be taken.
        """
        landed = list(files)
        owners = Owners(bool(options.config.get("with_owners")))
        projects, keys = _names(landed, options, owners)
        reader = BucketReader(options)
        organization = str(options.config.get("organization", ""))
        for page in read_pages(landed, options.limits):
            place = Place(page, organization, projects, keys, owners)
            with in_page(page):
                records = tuple(_records(page, place, reader))
            yield Batch(records, reader.rows.take_rejections(), _unfinished(page))
        yield Batch(notes=(*reader.notes(), *starmap(Note, owners.notes())))


def _names(
    files: list[LandedFile], options: ReadOptions, owners: Owners
) -> tuple[dict[str, str], dict[str, str]]:
    """Names of projects and of keys by id, wherever in the input the lists stand; `owners` learns
    from the lists as well."""
    names: dict[str, dict[str, str]] = {PROJECTS: {}, KEYS: {}}
    for page in read_pages(files, options.limits, of=(PROJECTS, KEYS, USERS)):
        with in_page(page):
            report = _report_of(page)
            if report == KEYS:
                owners.take_keys(rows_of(page.body))
            elif report == USERS:
                owners.take_users(rows_of(page.body))
            found = names.get(report)
            if found is not None:
                found |= {
                    row["id"]: row["name"]
                    for row in rows_of(page.body)
                    if isinstance(row.get("id"), str) and isinstance(row.get("name"), str)
                }
    return names[PROJECTS], names[KEYS]


def _report_of(page: Page) -> str:
    """Which report a page is of: its name in the spool, or what it calls itself when a person
    saved it; nothing for buckets without rows."""
    if page.endpoint:
        return page.endpoint
    objects = {_kind(row) for row in _outer_rows(page)}
    for kind in objects:
        if kind == "organization.project":
            return PROJECTS
        if kind == KEY:
            return KEYS
        if kind == USER:
            return USERS
        if kind == "organization.costs.result":
            return COSTS
        if kind.startswith("organization.usage.") and kind.endswith(".result"):
            return USAGE + kind.removeprefix("organization.usage.").removesuffix(".result")
    if objects:
        raise page.refuse(
            "unknown_report",
            "this is no answer of a report that is read",
            expected="an answer of /organization/costs or /organization/usage/…",
        )
    return ""


def _kind(row: Mapping[str, Any]) -> str:
    return str(row.get("object", ""))


def _outer_rows(page: Page) -> Iterator[Mapping[str, Any]]:
    """The first things in a page that say what they are."""
    for item in rows_of(page.body):
        if _kind(item) != "bucket":
            yield item
            return
        for row in results_of(item)[:1]:
            yield row
            return


def _records(page: Page, place: Place, reader: BucketReader) -> Iterator[Record]:
    report = _report_of(page)
    if report in (PROJECTS, KEYS, USERS) or report.endswith(CONTROL):
        return
    if report not in ("", COSTS) and report.removeprefix(USAGE) not in COUNTED:
        raise page.refuse(
            "unknown_report",
            f"this is {report}, which is not read",
            expected=f"{COSTS} or {USAGE}{', '.join(COUNTED)}",
        )
    for number, bucket in enumerate(rows_of(page.body)):
        period = reader.period(page, partial(bucket_period, bucket))
        if not reader.is_new(page, report, str(period[0].date()), number=number):
            continue
        for row in results_of(bucket):
            yield from reader.records(
                page, row, partial(_records_of, period=period, place=place, report=report)
            )


def _records_of(row: Row, *, period: Period, place: Place, report: str) -> Iterable[Record]:
    if report == COSTS:
        return (charge_of(row, period, place),)
    return quantities_of(row, period, place, report.removeprefix(USAGE))


def _unfinished(page: Page) -> tuple[Note, ...]:
    """Buckets are whole days, so a page alone is good for its days; a person should know."""
    if page.endpoint or not page.body.get("has_more"):
        return ()
    return (Note("more_pages", f"{page.file.name}: the provider has more pages than this one."),)
