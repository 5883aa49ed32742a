"""From a figure down: allocations, charges, and the run, file and line they came from."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

from django.db.models import F, Q, QuerySet

from billing.choices import UnallocatedReason
from billing.models import Allocation
from billing.selectors.costs import (
    CostSum,
    Kind,
    Surroundings,
    cost_sums,
    drafts_of,
    finish_sums,
)
from billing.selectors.freshness import last_applied_runs
from billing.selectors.line_status import LineBook, SliceFacts, drafts_of_parts
from billing.selectors.references import CHARGE_LIMITS, Scope, limits_of
from portal.shell.statuses import FigureStatus

LINES_ON_A_PAGE = 50
LINE_ORDER = ("day", "id")
MOST_LINES_TO_SUMMARISE = 200_000
_COLUMNS = {
    "charge_number": F("charge_id"),
    "slice_id": F("charge__slice_id"),
    "issuer": F("charge__dimension__invoice_issuer"),
    "invoice_id": F("charge__dimension__invoice_id"),
    "service": F("charge__dimension__service_name"),
    "provider": F("charge__dimension__provider"),
    "sub_account": F("charge__dimension__sub_account_name"),
    "description": F("charge__dimension__charge_description"),
    "currency": F("charge__currency"),
    "basis": F("charge__cost_basis"),
    "charge_billed": F("charge__billed_nano"),
    "line": F("charge__line"),
    "file_name": F("charge__file__name"),
    "run": F("charge__run_id"),
    "rule_name": F("rule__name"),
    "rule_key": F("rule__key"),
    "rule_version": F("rule__version"),
}


class Position(NamedTuple):
    """Where the next page of lines starts: after this day (UTC) and allocation."""

    day: dt.date
    pk: int

    def __str__(self) -> str:
        return f"{self.day.isoformat()}.{self.pk}"

    @classmethod
    def parse(cls, text: str) -> Position | None:
        """Read what `str` wrote; None when it is anything else."""
        day, _, number = text.partition(".")
        try:
            return cls(dt.date.fromisoformat(day), int(number))
        except ValueError:
            return None


def figure_sums(scope: Scope, *, now: dt.datetime) -> list[CostSum]:
    """The figure: one sum for each currency and basis, from the daily or monthly costs.

    What a source took back whole is no part of a day that still has lines: a day is as settled as
    the API's daily costs say.
    """
    if scope.reference.day is None:
        return cost_sums(scope.costs(), now=now)
    around = Surroundings((), last_applied_runs(), now)
    return finish_sums(drafts_of(scope.costs(), {}), by=(), around=around)


def allocations_of(scope: Scope) -> QuerySet[Allocation]:
    """The live allocations that the figure sums."""
    wanted = scope.reference
    # With a use case the index over use case and day serves; without, the one over charges' days.
    by_use_case = scope.is_unallocated or scope.use_case_id is not None
    day = "day" if by_use_case else "charge__day"
    limits = Q(charge__superseded_at__isnull=True) & limits_of(wanted, CHARGE_LIMITS, "charge__")
    if scope.is_unallocated:
        limits &= Q(use_case__isnull=True)
    elif scope.use_case_id is not None:
        limits &= Q(use_case_id=scope.use_case_id)
    if wanted.start:
        limits &= Q(**{f"{day}__gte": wanted.start})
    if wanted.end:
        limits &= Q(**{f"{day}__lt": wanted.end})
    if wanted.team:
        limits &= Q(use_case_id__in=scope.team_use_cases)
    if wanted.reason:
        limits &= Q(unallocated_reason=wanted.reason)
    else:
        limits &= ~Q(unallocated_reason=UnallocatedReason.NOT_COUNTED)
    return Allocation.objects.filter(limits)


@dataclass(frozen=True, slots=True)
class LinePage:
    """Some lines of a figure, and where the next ones start."""

    lines: list[dict[str, Any]]
    following: Position | None


def line_rows(scope: Scope) -> QuerySet[Allocation, Any]:
    """The lines of a figure, to be read a page at a time in the order of `LINE_ORDER`."""
    return _lines(allocations_of(scope))


def _lines(rows: QuerySet[Allocation]) -> QuerySet[Allocation, Any]:
    return rows.order_by("day", "pk").values(
        "pk",
        "id",
        "day",
        "use_case_id",
        "billed_nano",
        "effective_nano",
        "unallocated_reason",
        **_COLUMNS,
    )


def lines_of(
    scope: Scope, *, after: Position | None = None, limit: int = LINES_ON_A_PAGE
) -> LinePage:
    """A page of the lines of a figure, by day; one query."""
    rows = allocations_of(scope)
    if after is not None:
        rows = rows.filter(day__gte=after.day).exclude(day=after.day, pk__lte=after.pk)
    found = list(_lines(rows)[: limit + 1])
    shown = found[:limit]
    last = shown[-1] if len(found) > limit else None
    return LinePage(shown, Position(last["day"], last["pk"]) if last else None)


def stream_lines(scope: Scope) -> Iterator[dict[str, Any]]:
    """Every line of a figure, by day, in bounded memory."""
    yield from _lines(allocations_of(scope)).iterator(chunk_size=2_000)


@dataclass(frozen=True, slots=True)
class Origin:
    """What one rule took out of one file, in nano-units of one currency."""

    kind: Kind
    rule_key: str
    rule_name: str
    rule_version: int | None
    run: int
    file_name: str
    lines: int
    billed_nano: int
    effective_nano: int
    status: FigureStatus


def origins_of(scope: Scope, *, now: dt.datetime) -> list[Origin]:
    """The rules and files that a figure comes from, largest first; five queries.

    Reads every line of it: ask only for figures of at most `MOST_LINES_TO_SUMMARISE` lines.
    """
    columns = (
        "charge__currency",
        "charge__cost_basis",
        "rule__key",
        "rule__name",
        "rule__version",
        "charge__run_id",
        "charge__file__name",
    )
    book = LineBook(SliceFacts(), Surroundings((), last_applied_runs(), now))
    found = [
        Origin(
            kind=Kind(currency, basis),
            rule_key=rule_key or "",
            rule_name=rule_name or "",
            rule_version=version,
            run=run,
            file_name=file_name,
            lines=draft.lines,
            billed_nano=draft.billed,
            effective_nano=draft.effective,
            status=book.status_of(draft, basis),
        )
        for (currency, basis, rule_key, rule_name, version, run, file_name), draft in (
            drafts_of_parts(allocations_of(scope), columns).items()
        )
    ]
    return sorted(found, key=lambda each: (-abs(each.billed_nano), each.rule_name, each.run))
