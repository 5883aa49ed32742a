"""Sums of money, from the roll-ups and never from charges.

Monthly costs tell whole months, and thirty times quicker; daily costs tell any window of days.

Every sum carries currency, basis, status, freshness and coverage. Sums of different currencies or
bases are different sums: there is one for each, and nothing here adds two of them.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, Protocol

from django.db.models import F, Max, QuerySet, Sum

from billing.choices import CostBasis, Finality
from billing.models import DailyCost, MonthlyCost, Restatement
from billing.selectors.finality import Settledness, finality_of, worst
from billing.selectors.freshness import last_applied_runs
from billing.selectors.sums import MonthOf, read_nano, roll_up_sums


class Group(StrEnum):
    """What costs can be grouped by."""

    MONTH = "month"
    SERVICE = "service"
    PROVIDER = "provider"
    USE_CASE = "use_case"
    REASON = "reason"
    MODEL = "model"
    TEAM = "team"
    COST_CENTER = "cost_center"
    CONNECTION = "connection"


_COLUMNS: Mapping[Group, Any] = {
    Group.MONTH: MonthOf("day"),
    Group.SERVICE: F("service_name"),
    Group.PROVIDER: F("provider"),
    Group.USE_CASE: F("use_case_id"),
    Group.REASON: F("unallocated_reason"),
    Group.MODEL: F("model"),
    Group.TEAM: F("use_case__team__slug"),
    Group.COST_CENTER: F("cost_center"),
    Group.CONNECTION: F("connection__slug"),
}


@dataclass(frozen=True, slots=True)
class Kind:
    """What may be added up: one currency, one basis."""

    currency: str
    basis: str

    @property
    def basis_label(self) -> str:
        return str(CostBasis(self.basis).label)


@dataclass(slots=True)
class CostSum:
    """A sum of money of one kind, in nano-units of its currency.

    Attributes:
        key: the values that it is grouped by, in the order asked for.
        billed_nano: what the provider billed.
        effective_known_nano: amortised cost of the lines that state one.
        effective_unknown: allocated lines that state none; they are not in the sum above.
        lines: allocated lines in the sum.
        finality: worst status of what is in it.
        as_of: when the connections in it were imported last, the oldest of them.
        newest_day: last day (UTC) with a line.
    """

    key: tuple[Any, ...]
    kind: Kind
    billed_nano: int
    effective_known_nano: int
    effective_unknown: int
    lines: int
    finality: Finality
    as_of: dt.datetime | None
    newest_day: dt.date

    @property
    def effective_nano(self) -> int | None:
        """Effective cost of the lines that state one; None when no line does."""
        return self.effective_known_nano if self.effective_unknown < self.lines else None

    @property
    def is_complete(self) -> bool:
        """Whether every line states its effective cost."""
        return not self.effective_unknown

    def nano(self, measure: str) -> int | None:
        """`billed` or `effective`."""
        return self.billed_nano if measure == "billed" else self.effective_nano


@dataclass(slots=True)
class SumDraft:
    """A sum while the parts of its connections come in."""

    billed: int = 0
    effective: int = 0
    unknown: int = 0
    lines: int = 0
    uninvoiced: int = 0
    restated: int = 0
    closed: int = 0
    changed_at: dt.datetime | None = None
    newest_day: dt.date = dt.date.min
    connections: set[int] = field(default_factory=set)

    def add(self, row: Mapping[str, Any]) -> None:
        self.billed += read_nano(row, "billed")
        self.effective += read_nano(row, "effective")
        self.unknown += row["unknown"]
        self.lines += row["lines"]
        self.uninvoiced += row["not_invoiced"]
        self.restated += row["was_restated"]
        self.closed += row["were_closed"]
        self.newest_day = max(self.newest_day, row["newest_on"])
        self.connections.add(row["connection_id"])
        changed = row["last_change"]
        if changed is not None and (self.changed_at is None or changed > self.changed_at):
            self.changed_at = changed

    def absorb(self, other: SumDraft) -> None:
        """Add what another one has gathered."""
        self.billed += other.billed
        self.effective += other.effective
        self.unknown += other.unknown
        self.lines += other.lines
        self.uninvoiced += other.uninvoiced
        self.restated += other.restated
        self.closed += other.closed
        self.newest_day = max(self.newest_day, other.newest_day)
        self.connections |= other.connections
        moments = [each for each in (self.changed_at, other.changed_at) if each is not None]
        self.changed_at = max(moments, default=None)


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What decides about a sum besides its rows.

    Attributes:
        withdrawn: connection and month of slices that the source took back whole.
        runs: by connection, when it was imported last.
        now: the moment at which the sum is known.
    """

    withdrawn: Collection[tuple[int, str]]
    runs: Mapping[int, dt.datetime]
    now: dt.datetime


def cost_sums(
    rows: QuerySet[DailyCost] | QuerySet[MonthlyCost],
    *,
    by: Sequence[Group] = (),
    now: dt.datetime,
) -> list[CostSum]:
    """Sum daily or monthly costs by `by`, currency and basis: three queries, whatever there is.

    In the order of the groups, then currency and basis.
    """
    drafts = drafts_of(rows, {f"by_{group}": _COLUMNS[group] for group in by})
    if not drafts:
        return []
    around = Surroundings(withdrawn_months(), last_applied_runs(), now)
    return finish_sums(drafts, by=by, around=around)


def drafts_of(
    rows: QuerySet[DailyCost] | QuerySet[MonthlyCost], columns: Mapping[str, Any]
) -> dict[tuple[tuple[Any, ...], Kind], SumDraft]:
    """Daily or monthly costs gathered by some columns, currency and basis. One query.

    Args:
        columns: name (of no column of the costs) → expression.
    """
    drafts: dict[tuple[tuple[Any, ...], Kind], SumDraft] = {}
    found: Iterable[Mapping[str, Any]] = (
        rows.order_by()
        .values("connection_id", "currency", "cost_basis", **columns)
        .annotate(
            **roll_up_sums(rows.model),
            unknown=Sum("effective_unknown"),
            lines=Sum("charges"),
            not_invoiced=Sum("uninvoiced"),
            was_restated=Sum("restated"),
            were_closed=Sum("closed"),
            last_change=Max("changed_at"),
            newest_on=Max("newest_day" if rows.model is MonthlyCost else "day"),
        )
    )
    for row in found:
        key = tuple(row[name] for name in columns)
        kind = Kind(row["currency"], row["cost_basis"])
        drafts.setdefault((key, kind), SumDraft()).add(row)
    return drafts


def finish_sums(
    drafts: Mapping[tuple[tuple[Any, ...], Kind], SumDraft],
    *,
    by: Sequence[Group],
    around: Surroundings,
) -> list[CostSum]:
    """Drafts by key and kind as sums, in the order of the groups, then currency and basis."""
    sums = [_finish(key, kind, draft, by, around) for (key, kind), draft in drafts.items()]
    return sorted(sums, key=_place)


def _place(found: CostSum) -> tuple[Any, ...]:
    key = tuple((value is None, value if value is not None else 0) for value in found.key)
    return (key, found.kind.currency, found.kind.basis)


def withdrawn_months() -> set[tuple[int, str]]:
    """Connection and month of slices that the source took back whole: no daily cost tells."""
    rows = (
        Restatement.objects.filter(slice__rows=0)
        .order_by()
        .values_list("slice__connection_id", MonthOf("day"))
        .distinct()
    )
    return set(rows)


def _finish(
    key: tuple[Any, ...],
    kind: Kind,
    draft: SumDraft,
    by: Sequence[Group],
    around: Surroundings,
) -> CostSum:
    month = key[by.index(Group.MONTH)] if Group.MONTH in by else None
    taken_back = any(
        connection in draft.connections and month in (None, when)
        for connection, when in around.withdrawn
    )
    moments = [around.runs[pk] for pk in draft.connections if pk in around.runs]
    return CostSum(
        key=key,
        kind=kind,
        billed_nano=draft.billed,
        effective_known_nano=draft.effective,
        effective_unknown=draft.unknown,
        lines=draft.lines,
        finality=finality_of(
            Settledness(
                newest_day=draft.newest_day,
                uninvoiced=draft.uninvoiced,
                restated=draft.restated + taken_back,
                changed_at=draft.changed_at,
                is_closed=draft.closed >= draft.lines,
            ),
            now=around.now,
        ),
        as_of=min(moments, default=None),
        newest_day=draft.newest_day,
    )


class Costs(Protocol):
    """Costs that can be summed: as they are now, or as they were at a moment."""

    def unallocated(self) -> Costs:
        """Only what no use case bears."""

    def sums(self, by: Sequence[Group] = ()) -> list[CostSum]:
        """One sum for each group, currency and basis, in that order."""


@dataclass(frozen=True, slots=True)
class PresentCosts:
    """What the roll-ups say."""

    rows: QuerySet[DailyCost] | QuerySet[MonthlyCost]
    now: dt.datetime

    def unallocated(self) -> PresentCosts:
        """Only what no use case bears."""
        return replace(self, rows=self.rows.filter(use_case__isnull=True))

    def sums(self, by: Sequence[Group] = ()) -> list[CostSum]:
        """One sum for each group, currency and basis, in that order."""
        return cost_sums(self.rows, by=by, now=self.now)


def costs_to_date(
    use_case_ids: Iterable[int], *, now: dt.datetime, until: dt.date | None = None
) -> dict[int, list[CostSum]]:
    """All cost of each use case, one sum for each currency and basis, in three queries.

    Args:
        until: only days (UTC) before this one.
    """
    ids = list(use_case_ids)
    rows: QuerySet[DailyCost] | QuerySet[MonthlyCost]
    if until is None:
        rows = MonthlyCost.objects.filter(use_case_id__in=ids)
    else:
        rows = DailyCost.objects.filter(use_case_id__in=ids, day__lt=until)
    found: dict[int, list[CostSum]] = {}
    for each in cost_sums(rows, by=(Group.USE_CASE,), now=now):
        found.setdefault(each.key[0], []).append(each)
    return found


def merge_sums(sums: Iterable[CostSum], *, keep: Sequence[int]) -> list[CostSum]:
    """Sums of sums, grouped by the positions `keep` of their keys; kinds stay apart.

    For pages that show the same money in several ways: exact, because nano-units are whole.
    """
    found: dict[tuple[tuple[Any, ...], Kind], CostSum] = {}
    for each in sums:
        key = tuple(each.key[position] for position in keep)
        known = found.get((key, each.kind))
        found[key, each.kind] = replace(each, key=key) if known is None else _added(known, each)
    return sorted(found.values(), key=_place)


def _added(first: CostSum, second: CostSum) -> CostSum:
    moments = [at for at in (first.as_of, second.as_of) if at is not None]
    return replace(
        first,
        billed_nano=first.billed_nano + second.billed_nano,
        effective_known_nano=first.effective_known_nano + second.effective_known_nano,
        effective_unknown=first.effective_unknown + second.effective_unknown,
        lines=first.lines + second.lines,
        finality=worst((first.finality, second.finality)),
        as_of=min(moments, default=None),
        newest_day=max(first.newest_day, second.newest_day),
    )
