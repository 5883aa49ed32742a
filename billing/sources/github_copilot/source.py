"""The source of GitHub Copilot: bills, seats and activity, as fetched, saved or downloaded."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from billing.sources.github_copilot import activity, normaliser, report
from billing.sources.github_copilot.client import METRICS, METRICS_LINKS, SEATS
from billing.sources.github_copilot.config import CopilotConfig
from billing.sources.lines import (
    DAY,
    YEARS,
    BadValueError,
    can_be_meant,
    canonical,
    day_start,
    exact,
)
from billing.sources.pages import Page, RowReader, read_pages
from billing.sources.quantities import QuantitySums, day_of, text_of
from portal.imports.contracts import NOTHING_THERE, Batch, LandedFile, Note, ReadOptions
from portal.shell.money import EXACT, decimal_text
from portal.wording import counted

Period = tuple[datetime, datetime]
# What an answer says it was narrowed to. The account that was asked is no part of it.
FILTERS = (
    *("user", "username", "model", "product", "sku", "repository", "repositoryName"),
    *("costCenter", "costCenterId", "costCenterName", "cost_center", "cost_center_id"),
)


class CopilotSource:
    """Reads the billing API, the billing report, seats and usage metrics of GitHub Copilot.

    `docs/sources/github_copilot.md` says what is taken and refused.
    """

    key = "github_copilot"
    parser_version = "2"

    def read(self, files: Iterable[LandedFile], options: ReadOptions) -> Iterator[Batch]:
        """Yield cost lines in US dollars and quantities of whole UTC days.

        Raises:
            ImportRefusedError: the input as a whole must not be taken.
        """
        reading = _Reading(options)
        for page in _pages(files, options, reading.notes):
            records = tuple(reading.take(page))
            yield Batch(records, reading.rows.take_rejections())
        yield reading.last_batch()


def _pages(files: Iterable[LandedFile], options: ReadOptions, notes: list[Note]) -> Iterator[Page]:
    for file in files:
        if report.is_report(file):
            yield from report.report_rows(file, options.limits, notes)
        else:
            yield from read_pages([file], options.limits)


class _Reading:
    """What one input has brought so far."""

    def __init__(self, options: ReadOptions) -> None:
        self.config = CopilotConfig.model_validate(options.config)
        self.rows = RowReader(options)
        self.sums = QuantitySums()
        self.notes: list[Note] = []
        self._seats = activity.SeatCount()
        self._answered: dict[tuple[str, ...], dict[str, Page]] = {}  # by account
        self._days: dict[tuple[str, ...], str] = {}
        self._channel = ""
        self._has_lines = False
        self._has_metrics = False
        self._teams = 0
        self._others, self._others_net = 0, Decimal(0)

    def take(self, page: Page) -> Iterator[Any]:
        """The cost lines of a page; quantities are added up until the end."""
        for record in self._handler(page)(page):
            self._has_lines = True
            yield record

    def _handler(self, page: Page) -> Callable[[Page], Iterable[Any]]:
        body = page.body
        if page.endpoint == report.ENDPOINT:
            return self._report_line
        if page.endpoint.startswith(METRICS_LINKS):
            return self._nothing
        if not page.endpoint and body in (None, ""):
            return self._nothing
        if isinstance(body, dict):
            if "usageItems" in body:
                return self._bill
            if "seats" in body:
                return self._count_seats
            if "day_totals" in body:
                return self._activity
            if "day" in body:
                return self._activity
            if "download_links" in body:
                raise page.refuse(
                    "only_links",
                    "this answer only says where the report lies",
                    field="download_links",
                    expected="the file behind the link",
                )
        raise page.refuse(
            "unknown_answer",
            "this is no answer that the source knows",
            expected="a billing answer with usageItems, a billing report, seats or metrics",
        )

    # --- bills --------------------------------------------------------------------------------

    def _report_line(self, page: Page) -> Iterator[Any]:
        self._one_channel(page, "report")

        def take(row: dict[str, Any]) -> Iterable[Any]:
            item = normaliser.from_report(row)
            if not self._is_ours(item):
                return ()
            start = day_of(row, "date")
            return [normaliser.charge_of(item, page, (start, start + DAY), self.config, self.sums)]

        return self.rows.records(page, [page.body], take)

    def _bill(self, page: Page) -> Iterator[Any]:
        self._one_channel(page, "API")
        items = page.body["usageItems"]
        if not isinstance(items, list):
            raise page.refuse("not_a_bill", "usageItems is no list", field="usageItems")
        _see_that_it_is_whole(page)
        period = self._period(page)
        self._once(page, items, period)
        organization = text_of(page.body, "organization")

        def take(item: dict[str, Any]) -> Iterable[Any]:
            if not self._is_ours(item):
                return ()
            return [normaliser.charge_of(item, page, period, self.config, self.sums, organization)]

        return self.rows.records(page, items, take)

    def _one_channel(self, page: Page, channel: str) -> None:
        if self._channel not in ("", channel):
            raise page.refuse(
                "two_channels",
                "a billing report and answers of the billing API are the same money twice",
                expected="one of them in an import",
            )
        self._channel = channel

    def _is_ours(self, item: dict[str, Any]) -> bool:
        if normaliser.is_copilot(item):
            return True
        self._others += 1
        self._others_net = EXACT.add(self._others_net, exact(item.get("netAmount"), "netAmount"))
        return False

    def _period(self, page: Page) -> Period:
        """The day or month that an answer is the sum of."""
        said = page.body.get("timePeriod")
        numbers = said if isinstance(said, dict) else {}
        try:
            year, month = int(numbers["year"]), int(numbers["month"])
            start = datetime(year, month, int(numbers.get("day") or 1), tzinfo=UTC)
            if not can_be_meant(start):
                raise ValueError(start)
        except (KeyError, TypeError, ValueError) as error:
            raise page.refuse(
                "no_period",
                "the answer does not say which month or day it is the sum of",
                field="timePeriod",
                expected=f"an answer for one day {YEARS}",
            ) from error
        is_month = numbers.get("day") is None
        if is_month != self.config.takes_month_totals:
            raise page.refuse(
                "sum_of_a_month" if is_month else "sum_of_a_day",
                f"this answer is the sum of a {'month' if is_month else 'day'}, and days and their "
                "month in one connection would count twice",
                field="timePeriod",
                expected="the billing report, answers asked for a day each, or a connection that "
                "takes totals of a month"
                if is_month
                else "totals of a month, which this connection is set to take",
            )
        end = (start + timedelta(days=32)).replace(day=1) if is_month else start + DAY
        return start, end

    def _once(self, page: Page, items: list[Any], period: Period) -> None:
        """One answer for one period, account and unit: a second one is the same money again. So is
        that of an organisation beside its enterprise's."""
        account = text_of(page.body, "organization")
        units = {str(item.get("unitType")) for item in items if isinstance(item, dict)}
        for unit in units:
            answered = self._answered.setdefault((str(period[0]), unit), {})
            for other, before in answered.items():
                if account and other and account != other:
                    continue
                raise page.refuse(
                    "period_twice",
                    f"{unit} of {period[0].date()} stand in this input twice "
                    f"(first in {before.file.name}, line {before.line})",
                    field="timePeriod",
                    expected="one answer for a period",
                )
            answered[account] = page

    # --- seats and activity -------------------------------------------------------------------

    def _count_seats(self, page: Page) -> Iterable[Any]:
        text = page.endpoint.removeprefix(SEATS) if page.endpoint.startswith(SEATS) else ""
        self._seats.add(page, day_start(text, "endpoint") if text else None)
        return ()

    def _activity(self, page: Page) -> Iterator[Any]:
        rows = page.body.get("day_totals", [page.body])
        if not isinstance(rows, list):
            raise page.refuse("not_a_report", "day_totals is no list", field="day_totals")
        self._check_day(page, rows)

        def take(row: dict[str, Any]) -> Iterable[Any]:
            if activity.is_team(row):
                self._teams += 1
                return ()
            try:
                if self._is_new(row):
                    activity.add_day(row, page, self.config, self.sums)
            except BadValueError as error:
                if not activity.is_user(row):
                    raise
                # Set aside, it would lie in quarantine as what one person did.
                raise page.refuse(
                    error.code,
                    "a row of one person cannot be read, and such rows are not kept aside",
                    field=error.field,
                    expected=error.expected,
                ) from error
            return ()

        return self.rows.records(page, rows, take)

    def _nothing(self, page: Page) -> Iterable[Any]:
        """Fetched, a page of links only says where a report lies: what lies there follows as pages
        of its own. Saved, an empty answer says that there is no report yet."""
        return ()

    def _check_day(self, page: Page, rows: list[Any]) -> None:
        """A report that was asked for as that of a day must be of this day."""
        if not page.endpoint.startswith(METRICS):
            return
        self._has_metrics = True
        day = page.endpoint.removeprefix(METRICS)
        if any(not isinstance(row, dict) or row.get("day") != day for row in rows):
            raise page.refuse(
                "other_day", "the report has a day that was not asked for", field="day",
                expected=day,
            )  # fmt: skip

    def _is_new(self, row: dict[str, Any]) -> bool:
        """Whether the day has not come yet: reports of a day and of 28 days overlap."""
        key = (
            text_of(row, "day"),
            text_of(row, "organization_id", "enterprise_id"),
            text_of(row, "user_id", "user_login"),
        )
        text = canonical(row)
        before = self._days.setdefault(key, text)
        if before is text:
            return True
        if before != text:
            raise BadValueError(
                "day", row["day"], "day_twice", "one report of a day, or two that say the same"
            )
        return False

    # --- the end ------------------------------------------------------------------------------

    def last_batch(self) -> Batch:
        """The quantities, and what a person should know."""
        self._seats.add_up(self.config, self.sums)
        self.notes.extend(self._seats.notes())
        if self._teams:
            self.notes.append(
                Note(
                    "rows_of_teams",
                    f"{counted(self._teams, 'row')} by team left out: who is in two teams is "
                    "in two.",
                )
            )
        if self._others:
            self.notes.append(
                Note(
                    "other_products",
                    f"{counted(self._others, 'row')} of other products than Copilot left out, "
                    f"{decimal_text(self._others_net)} USD net.",
                )
            )
        if self.config.fetch_metrics and self._answered and not self._has_metrics:
            self.notes.append(
                Note(
                    "no_metrics",
                    "GitHub has no report of usage metrics for these days. It is made hours after "
                    "a day ends, and only while the policy of usage metrics is enabled everywhere.",
                )
            )
        quantities = self.sums.take()
        if not quantities and not self._has_lines:
            self.notes.append(Note(NOTHING_THERE, "GitHub has no rows for these days."))
        return Batch(quantities, (), tuple(self.notes))


def _see_that_it_is_whole(page: Page) -> None:
    """An answer for a user, a model or a cost centre is a part of the period's, and would take its
    place.

    Raises:
        ImportRefusedError: it says that it is one.
    """
    found = [name for name in FILTERS if page.body.get(name) not in (None, "", [], {})]
    if found:
        raise page.refuse(
            "filtered_answer",
            f"this answer is only of one {', '.join(found)}: it is not the whole of its period",
            field=found[0],
            expected="an answer that was asked for without a filter",
        )
