"""The source of OpenRouter: activity, purchases of credits, and control totals."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

from billing.sources.lines import DAY, BadValueError, canonical, day_start, exact, month_of
from billing.sources.openrouter import normaliser, purchases
from billing.sources.openrouter.client import CREDITS, KEYS, WORKSPACES
from billing.sources.openrouter.config import OpenRouterConfig
from billing.sources.pages import Page, RowReader, read_pages
from billing.sources.quantities import ZERO, QuantitySums, bound_of, text_of
from billing.sources.records import ControlTotal
from portal.imports.contracts import NOTHING_THERE, Batch, LandedFile, Note, ReadOptions
from portal.shell.money import EXACT, decimal_text


class OpenRouterSource:
    """Reads activity, and a CSV of purchases. `docs/sources/openrouter.md` says more."""

    key = "openrouter"
    parser_version = "1"

    def read(self, files: Iterable[LandedFile], options: ReadOptions) -> Iterator[Batch]:
        """Yield cost lines in US dollars (a purchase in what it was paid in), quantities, and what
        the month's usage should come to.

        The files are read twice: workspaces have their names in an answer that may come last.

        Raises:
            ImportRefusedError: the input as a whole must not be taken.
        """
        files = list(files)
        reading = _Reading(options)
        for page in _pages(files, options):
            reading.learn(page)
        for page in _pages(files, options):
            records = tuple(reading.take(page))
            yield Batch(records, reading.rows.take_rejections())
        yield reading.last_batch()


def _pages(files: Iterable[LandedFile], options: ReadOptions) -> Iterator[Page]:
    for file in files:
        if purchases.is_purchases(file):
            yield from purchases.purchase_rows(file, options.limits)
        else:
            yield from read_pages([file], options.limits)


class _Reading:
    """What one input has brought so far."""

    def __init__(self, options: ReadOptions) -> None:
        self.config = OpenRouterConfig.model_validate(options.config)
        self.rows = RowReader(options)
        self.sums = QuantitySums()
        self.notes: list[Note] = []
        self._workspaces: dict[str, str] = {}
        self._seen: dict[str, str] = {}
        self._purchases = 0
        self._elsewhere = ZERO
        self._today: datetime | None = None
        self._month = ZERO  # usage of the keys in the running month, without the running day

    # --- what is known before rows are read --------------------------------------------------

    def learn(self, page: Page) -> None:
        """Names of workspaces, sums of keys, and the state of the credits.

        Raises:
            ImportRefusedError: one cannot be read.
        """
        kind = _kind(page)
        try:
            if kind == WORKSPACES:
                for row in page.body["data"]:
                    self._workspaces[text_of(row, "id")] = text_of(row, "name")
            elif kind in (CREDITS, KEYS, "key"):
                self._learn_sums(page, kind)
        except BadValueError as error:
            what = "the names of the workspaces" if kind == WORKSPACES else "a sum"
            raise page.refuse(
                error.code, f"{what} cannot be read", field=error.field, expected=error.expected
            ) from error

    def _learn_sums(self, page: Page, kind: str) -> None:
        data = page.body["data"]
        if kind == CREDITS:
            bought = exact(data["total_credits"], "total_credits")
            used = exact(data["total_usage"], "total_usage")
            text = (
                f"{decimal_text(bought)} USD of credits bought so far, {decimal_text(used)} used."
            )
            self.notes.append(Note("credits", text))
        elif kind == "key":
            used = exact(data["usage"], "usage")
            self.notes.append(Note("key", f"The key has used {decimal_text(used)} USD so far."))
        else:
            self._today = day_start(page.endpoint.removeprefix(KEYS), "endpoint")
            for key in data:
                month = exact(key.get("usage_monthly"), "usage_monthly")
                today = exact(key.get("usage_daily"), "usage_daily")
                self._month = EXACT.add(self._month, EXACT.subtract(month, today))

    # --- rows ---------------------------------------------------------------------------------

    def take(self, page: Page) -> Iterator[Any]:
        """The cost lines of a page."""
        kind = _kind(page)
        if kind in (purchases.ENDPOINT, "activity") and kind != self.config.dataset:
            raise page.refuse(
                "other_dataset",
                f"this is {kind}, and the connection takes {self.config.dataset}: one would "
                "replace the other's days",
                expected="another connection, or another setting of this one",
            )
        if kind == purchases.ENDPOINT:
            self._purchases += 1
            yield from self.rows.records(
                page, [page.body], lambda row: [normaliser.purchase_of(row, page, self.config)]
            )
        elif kind == "activity":
            yield from self.rows.records(
                page, page.body["data"], lambda row: self._activity(row, page)
            )

    def _activity(self, row: dict[str, Any], page: Page) -> Iterable[Any]:
        """A row, once: answers of overlapping days bring it again."""
        keys = ("date", "endpoint_id", "provider_name", "model", "model_permaslug", "workspace_id")
        name = canonical({key: row.get(key) for key in keys})
        text = canonical(row)
        before = self._seen.get(name)
        if before is not None:
            if before == text:
                return ()
            raise BadValueError(
                "date",
                row.get("date"),
                "row_twice",
                "one row for a day, model, endpoint and workspace",
                fatal=True,
            )
        made = normaliser.charge_of(row, page, self.config, self._workspaces, self.sums)
        self._seen[name] = text
        self._elsewhere = EXACT.add(self._elsewhere, normaliser.elsewhere_of(row))
        return [made]

    # --- the end ------------------------------------------------------------------------------

    def last_batch(self) -> Batch:
        """The quantities, the control total, and what a person should know."""
        if self._elsewhere:
            self.notes.append(
                Note(
                    "paid_elsewhere",
                    f"{decimal_text(self._elsewhere)} USD were paid elsewhere with own keys; they "
                    "are in no sum.",
                )
            )
        if not self._seen and not self._purchases:
            self.notes.append(Note(NOTHING_THERE, "OpenRouter has no activity of these days."))
        return Batch((*self.sums.take(), *self._controls()), (), tuple(self.notes))

    def _controls(self) -> Iterator[ControlTotal]:
        """The month's usage by key, against the activity of its completed days."""
        if self._today is None or self._today.day == 1:
            return
        yield ControlTotal(
            name="OpenRouter's usage of all keys",
            billing_account_id=normaliser.account_of(self.config),
            billing_period_start=month_of(self._today - DAY)[0],
            measure="effective",
            currency="USD",
            expected=self._month,
            bound=bound_of(
                self._month, percent=self.config.control_percent, floor=self.config.control_floor
            ),
            may_fall_short=True,  # a deleted key takes its usage along
        )


def _kind(page: Page) -> str:
    """Which answer a page is, from its endpoint or else from its shape.

    Raises:
        ImportRefusedError: it is none of them.
    """
    if page.endpoint == purchases.ENDPOINT:
        return purchases.ENDPOINT
    data = page.body.get("data") if isinstance(page.body, dict) else None
    if page.endpoint.startswith(KEYS) and isinstance(data, list):
        return KEYS
    if isinstance(data, dict):
        if {"total_credits", "total_usage"} <= data.keys():
            return CREDITS
        if "usage" in data and "label" in data:
            return "key"
    if isinstance(data, list) and all(isinstance(row, dict) for row in data):
        if page.endpoint == WORKSPACES or (data and "slug" in data[0]):
            return WORKSPACES
        if not data or "usage" in data[0]:
            return "activity"
    raise page.refuse(
        "unknown_answer",
        "this is no answer that the source knows",
        expected="the answer of /api/v1/activity, /workspaces, /credits or /key, or a CSV of "
        f"purchases with the columns {', '.join(purchases.COLUMNS)}",
    )
