"""The source of Cursor: usage events, and the spend of the cycle as control total."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from billing.sources.cursor import events
from billing.sources.cursor.client import AGAIN, CYCLE, RUNNING
from billing.sources.cursor.config import CursorConfig
from billing.sources.cursor.cycles import cycle_of, dollars, milliseconds, moment
from billing.sources.lines import BadValueError, canonical, exact, instant
from billing.sources.pages import Page, RowReader, read_pages
from billing.sources.quantities import ZERO, QuantitySums, bound_of
from billing.sources.records import ControlTotal
from billing.sources.saved_pages import SavedPages
from portal.imports.contracts import (
    NOTHING_THERE,
    Batch,
    ImportRefusedError,
    LandedFile,
    Note,
    ReadOptions,
    raw_digest,
)
from portal.shell.money import EXACT
from portal.wording import counted

ON_DEMAND_SPEND = "spendCents"
ALL_SPEND = "overallSpendCents"


class CursorSource:
    """Reads usage events and spend of Cursor's Admin API. `docs/sources/cursor.md` says more."""

    key = "cursor"
    parser_version = "4"

    def read(self, files: Iterable[LandedFile], options: ReadOptions) -> Iterator[Batch]:
        """Yield cost lines in US dollars, the team's quantities, and what they should sum to.

        The files are read twice: when a cycle starts stands in an answer that may come last.

        Raises:
            ImportRefusedError: the input as a whole must not be taken.
        """
        files = list(files)
        config = CursorConfig.model_validate(options.config)
        spend = _read_spend(read_pages(files, options.limits))
        anchor = _anchor(spend, config)
        reader, sums = RowReader(options), QuantitySums()
        running, seen, unpriced = _Running(anchor), set[str](), 0
        saved = SavedPages("event")
        for page in read_pages(files, options.limits):
            if "usageEvents" not in page.body or page.endpoint == AGAIN:
                continue
            rows = _rows_of(page)
            if page.endpoint == RUNNING:
                running.add(page, rows)
                continue
            _once(page, seen)
            asked = canonical({"period": page.body.get("period")})
            saved.count(page, asked, page.body.get("totalUsageEventsCount"), len(rows))
            take = _taker(page, anchor, config, sums)
            records = tuple(reader.records(page, rows, take))
            unpriced += sum(record.effective_nano is None for record in records)
            yield Batch(records, reader.take_rejections())
        saved.check()
        controls = _controls(spend, anchor, running, config, is_priced=not unpriced)
        quantities = sums.take()  # every event has some
        yield Batch((*quantities, *controls), (), tuple(_notes(len(quantities), unpriced)))


def _notes(quantities: int, unpriced: int) -> Iterator[Note]:
    if not quantities:
        yield Note(NOTHING_THERE, "Cursor has no events of these days.")
    if unpriced:
        yield Note(
            "events_without_price",
            f"{counted(unpriced, 'event')} included in the plan without a price: billed at 0, and "
            "what they are worth is unknown.",
        )


def _taker(
    page: Page, anchor: datetime, config: CursorConfig, sums: QuantitySums
) -> Callable[[dict[str, Any]], Iterable[Any]]:
    def take(event: dict[str, Any]) -> Iterable[Any]:
        if _is_outside(event, page.body.get("period")):
            return ()
        return [events.charge_of(event, page, anchor, config, sums)]

    return take


def _is_outside(event: Mapping[str, Any], period: Any) -> bool:
    """Whether the event lies on the far edge of what was asked for: it comes with the next range
    as well, because ends may be inclusive."""
    if not isinstance(period, dict) or period.get("endDate") is None:
        return False
    end = milliseconds(period["endDate"], "period.endDate")
    start = milliseconds(period.get("startDate", 0), "period.startDate")
    return end > start and milliseconds(event.get("timestamp"), "timestamp") == end


def _once(page: Page, seen: set[str]) -> None:
    """Two equal events are two; a page that is equal down to its number is the same again."""
    name = raw_digest(canonical(page.body))
    if page.body["usageEvents"] and name in seen:
        raise page.refuse(
            "page_twice",
            "this page of events stands in the input twice",
            field="pagination",
            expected="each page once",
        )
    seen.add(name)


def _rows_of(page: Page) -> list[Any]:
    rows = page.body["usageEvents"]
    if not isinstance(rows, list):
        raise page.refuse("not_events", "usageEvents is no list", field="usageEvents")
    return rows


# --- the spend of the cycle -----------------------------------------------------------------------


@dataclass(slots=True)
class _Spend:
    """What /teams/spend says. Sums in cents; None where it does not say."""

    page: Page
    start: datetime
    members: dict[str, Mapping[str, Any]]

    def total(self, key: str) -> Decimal | None:
        cents = ZERO
        for member in self.members.values():
            if member.get(key) is None:
                return None
            cents = EXACT.add(cents, exact(member[key], f"teamMemberSpend.{key}"))
        return cents


def _read_spend(pages: Iterator[Page]) -> _Spend | None:
    found: _Spend | None = None
    for page in pages:
        if not isinstance(page.body, dict) or not page.body.keys() & {
            "teamMemberSpend",
            "usageEvents",
        }:
            raise page.refuse(
                "unknown_answer",
                "this is no answer that the source knows",
                expected="the answer of /teams/filtered-usage-events or /teams/spend",
            )
        if "teamMemberSpend" in page.body:
            found = _with_page(found, page)
    return found


def _with_page(found: _Spend | None, page: Page) -> _Spend:
    try:
        start = moment(page.body.get("subscriptionCycleStart"), "subscriptionCycleStart")
    except BadValueError as error:
        raise page.refuse(
            error.code, "the cycle has no start", field=error.field, expected=error.expected
        ) from error
    if found is None:
        found = _Spend(page, start, {})
    elif found.start != start:
        raise page.refuse(
            "two_cycles", "the spend of two cycles stands in one input", field="teamMemberSpend"
        )
    members = page.body["teamMemberSpend"]
    if not isinstance(members, list):
        raise page.refuse("not_spend", "teamMemberSpend is no list", field="teamMemberSpend")
    for member in members:
        if not isinstance(member, dict) or member.get("userId") is None:
            raise page.refuse("not_spend", "a member has no id", field="teamMemberSpend.userId")
        # A page that came twice says the same again; nobody is added twice.
        found.members[str(member["userId"])] = member
    return found


def _anchor(spend: _Spend | None, config: CursorConfig) -> datetime:
    configured = _configured(config)
    if spend is None:
        if configured is None:
            raise ImportRefusedError(
                "cycle_unknown",
                "nothing says when a billing cycle starts, so the events' billing period is not "
                "known",
                expected="the answer of /teams/spend beside the events, or the start of a cycle in "
                "the connection's configuration",
            )
        return configured
    if configured is not None and cycle_of(spend.start, configured)[0] != spend.start:
        raise spend.page.refuse(
            "cycle_differs",
            f"Cursor's cycle starts {spend.start.isoformat()}, the connection's does not",
            field="subscriptionCycleStart",
            expected="the same start in both, or none in the configuration",
        )
    return spend.start


def _configured(config: CursorConfig) -> datetime | None:
    try:
        return instant(config.cycle_start, "cycle_start") if config.cycle_start else None
    except BadValueError as error:
        raise ImportRefusedError(
            error.code,
            "the connection's start of a billing cycle is no time that can be meant",
            column=error.field,
            value=error.value,
            expected=error.expected,
        ) from error


class _Running:
    """What the running day costs: Cursor's total has it, the cost lines do not yet."""

    def __init__(self, anchor: datetime) -> None:
        self._anchor = anchor
        self.billed = ZERO
        self.charged = ZERO
        self.is_priced = True

    def add(self, page: Page, rows: list[Any]) -> None:
        for event in rows:
            try:
                at = moment(event.get("timestamp"), "timestamp")
                cents = events.price_of(event)
            except (BadValueError, AttributeError) as error:
                raise page.refuse(
                    "not_events", "an event of the running day cannot be read", field="usageEvents"
                ) from error
            if at < self._anchor:
                continue
            if cents is None:
                self.is_priced = False
                continue
            self.charged = EXACT.add(self.charged, cents)
            if events.kind_of(event) == "on-demand":
                self.billed = EXACT.add(self.billed, cents)


def _controls(
    spend: _Spend | None,
    anchor: datetime,
    running: _Running,
    config: CursorConfig,
    *,
    is_priced: bool,
) -> Iterator[ControlTotal]:
    """The totals of the cycle, less the running day. Where the price of an event is unknown, the
    lines cannot come to the whole spend, so it is not compared.

    Raises:
        ImportRefusedError: a total cannot be read.
    """
    if spend is None or spend.page.endpoint == CYCLE:
        return
    totals = [(ON_DEMAND_SPEND, "billed", "Cursor's on-demand spend", running.billed)]
    if config.included_usage == "effective" and is_priced and running.is_priced:
        totals.append((ALL_SPEND, "effective", "Cursor's whole spend", running.charged))
    for key, measure, name, still_open in totals:
        try:
            cents = spend.total(key)
        except BadValueError as error:
            raise spend.page.refuse(
                error.code, "a total cannot be read", field=error.field, expected=error.expected
            ) from error
        if cents is None:
            continue
        expected = dollars(EXACT.subtract(cents, still_open))
        yield ControlTotal(
            name=name,
            billing_account_id=events.account_of(config),
            billing_period_start=anchor,
            measure=measure,
            currency="USD",
            expected=expected,
            bound=bound_of(expected, percent=config.control_percent, floor=config.control_floor),
        )
