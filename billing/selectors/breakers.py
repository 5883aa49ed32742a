"""Reading circuit breakers, and what their jobs spent in the windows that count now."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Count, Exists, Max, OuterRef, Q, QuerySet

from billing.allocation.match import tags_of
from billing.choices import BreakerField, BreakerState, BreakerWindow, ChargeCategory
from billing.models import BreakerTrip, Charge, CircuitBreaker
from billing.policies import may_see_costs
from billing.selectors.costs import SumDraft
from billing.selectors.line_status import LineBook, LineFacts
from billing.selectors.sums import nano_sums, read_nano
from portal.policies import AnyUser
from portal.shell.statuses import FigureStatus

LOOKS_BACK = dt.timedelta(days=2)  # usage reaches the bill hours late
_HOUR = dt.timedelta(hours=1)
_DAY = dt.timedelta(days=1)


def breakers_visible_to(user: AnyUser) -> QuerySet[CircuitBreaker]:
    """All of them, for everybody inside; `is_open` and `last_trip` annotated."""
    open_trip = BreakerTrip.objects.filter(breaker=OuterRef("pk"), reset_at__isnull=True)
    rows = CircuitBreaker.objects.select_related("use_case").annotate(
        is_open=Exists(open_trip), last_trip=Max("trips__tripped_at")
    )
    return rows if may_see_costs(user) else rows.none()


def breaker_for_page(user: AnyUser, pk: int) -> CircuitBreaker | None:
    """One breaker, or None."""
    found: CircuitBreaker | None = breakers_visible_to(user).filter(pk=pk).first()
    return found


def state_of(*, is_open: bool, ended_at: dt.datetime | None) -> BreakerState:
    """An ended one is neither open nor closed."""
    if ended_at is not None:
        return BreakerState.ENDED
    return BreakerState.OPEN if is_open else BreakerState.CLOSED


def window_start(window: str, moment: dt.datetime) -> dt.datetime:
    """Where the hour or day (UTC) around `moment` begins."""
    utc = moment.astimezone(dt.UTC).replace(minute=0, second=0, microsecond=0)
    return utc if window == BreakerWindow.HOUR else utc.replace(hour=0)


def window_length(window: str) -> dt.timedelta:
    """An hour or a day."""
    return _HOUR if window == BreakerWindow.HOUR else _DAY


def may_trip(breaker: CircuitBreaker, start: dt.datetime, last: BreakerTrip | None) -> bool:
    """Whether a window can open the breaker, given its newest trip: it is closed, and the window
    ended after the breaker was made and after its last reset."""
    end = start + window_length(breaker.window)
    if end <= breaker.created_at:
        return False
    if last is None or last.reset_at is None:
        return last is None
    return start > last.window_start and end > last.reset_at


def over_limit_text(
    breaker: CircuitBreaker, start: dt.datetime, trips: Sequence[BreakerTrip]
) -> str:
    """What a window above the limit did, or why it opened nothing; `trips` are oldest first."""
    if any(each.window_start == start for each in trips):
        return "over the limit: opened it"
    if start + window_length(breaker.window) <= breaker.created_at:
        return "over the limit, before the breaker was made"
    if breaker.ended_at is not None:
        return "over the limit; the breaker has ended"
    last = trips[-1] if trips else None
    if may_trip(breaker, start, last):
        return "over the limit: opens it at the next check"
    if last is not None and last.reset_at is None:
        return "over the limit, while it was open"
    return "over the limit, before the reset"


@dataclass(frozen=True, slots=True)
class _Line:
    """Charges alike in dimension, period and what their status goes by; nano-units billed."""

    facts: LineFacts
    connection_id: int
    currency: str
    basis: str
    starts_at: dt.datetime
    ends_at: dt.datetime
    sub_account: str
    api_key: str
    tags: Mapping[str, str]
    nano: int


@dataclass(frozen=True, slots=True)
class WindowSpend:
    """What a job was billed in a window: nano-units, and of which lines."""

    nano: int
    lines: tuple[LineFacts, ...]


def spend_by_window(
    breakers: Iterable[CircuitBreaker], *, now: dt.datetime
) -> dict[int, dict[dt.datetime, WindowSpend]]:
    """By breaker, what its job was billed in each window of the last two days. One query.

    Only usage counts, and only lines no longer than the window: a purchase or a line of a month is
    no flow that stopping the job would stop, a line of a whole day has no hour, and a credit or a
    correction would hide what flows.
    """
    given = list(breakers)
    if not given:
        return {}
    since = window_start(BreakerWindow.DAY, now - LOOKS_BACK)
    lines = list(_lines(given, since))
    return {each.pk: dict(_by_window(each, lines)) for each in given}


def statuses_of_windows(
    windows: Sequence[tuple[WindowSpend, str]], *, now: dt.datetime
) -> list[FigureStatus]:
    """How settled each window's spend is, given its basis. Four queries."""
    slices = {line.slice_id for spend, _ in windows for line in spend.lines}
    book = LineBook.of_slices(slices, now=now)
    found = []
    for spend, basis in windows:
        draft = SumDraft()
        for line in spend.lines:
            book.slices.enter(line, into=draft)
        found.append(book.status_of(draft, basis))
    return found


def _lines(breakers: Iterable[CircuitBreaker], since: dt.datetime) -> Iterator[_Line]:
    facts = ("slice_id", "dimension__invoice_issuer", "dimension__provider",
             "dimension__invoice_id", "day")  # fmt: skip
    names = ("slice__connection_id", "currency", "cost_basis", "charge_period_start",
             "charge_period_end", "dimension__sub_account_id", "dimension__api_key_id",
             "dimension__tags")  # fmt: skip
    rows = (
        Charge.objects.filter(
            _attributes(breakers),
            superseded_at__isnull=True,
            day__gte=since.date(),
            dimension__charge_category=ChargeCategory.USAGE,
            dimension__charge_class="",
        )
        .order_by()
        .values(*facts, *names)
        .annotate(lines=Count("pk"), **nano_sums(billed="billed_nano"))
    )
    row: dict[str, Any]
    for row in rows:
        yield _Line(
            facts=LineFacts._make((*(row[name] for name in facts), row["lines"])),
            connection_id=row["slice__connection_id"],
            currency=row["currency"],
            basis=row["cost_basis"],
            starts_at=row["charge_period_start"],
            ends_at=row["charge_period_end"],
            sub_account=row["dimension__sub_account_id"],
            api_key=row["dimension__api_key_id"],
            tags=tags_of(row["dimension__tags"]),
            nano=read_nano(row, "billed"),
        )


def _attributes(breakers: Iterable[CircuitBreaker]) -> Q:
    """What a charge must carry for any of them to count it; tags are looked at afterwards."""
    wanted = Q()
    for each in breakers:
        if each.field == BreakerField.TAG:
            wanted |= ~Q(dimension__tags="{}")
        elif each.field == BreakerField.API_KEY:
            wanted |= Q(dimension__api_key_id=each.value)
        else:
            wanted |= Q(dimension__sub_account_id=each.value)
    return wanted


def _by_window(
    breaker: CircuitBreaker, lines: Iterable[_Line]
) -> Iterator[tuple[dt.datetime, WindowSpend]]:
    found: dict[dt.datetime, list[_Line]] = {}
    for line in lines:
        if _counts(breaker, line):
            found.setdefault(window_start(breaker.window, line.starts_at), []).append(line)
    for start, counted in sorted(found.items()):
        nano = sum(each.nano for each in counted)
        yield start, WindowSpend(nano, tuple(each.facts for each in counted))


def _counts(breaker: CircuitBreaker, line: _Line) -> bool:
    if (line.currency, line.basis) != (breaker.currency, breaker.cost_basis):
        return False
    if breaker.connection_id not in (None, line.connection_id):
        return False
    if line.ends_at - line.starts_at > window_length(breaker.window):
        return False
    if breaker.field == BreakerField.TAG:
        return line.tags.get(breaker.tag_key) == breaker.value
    attribute = line.api_key if breaker.field == BreakerField.API_KEY else line.sub_account
    return attribute == breaker.value
