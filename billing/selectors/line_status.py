"""How settled single cost lines are, and groups of lines that no roll-up has.

By the facts and the rule by which every sum goes (`finality.py`). The roll-ups count these facts by
day and month; here they are read from the slices of the lines, as they are or as they were.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Self

from django.db.models import Count, F, Max, Q, QuerySet

from billing.models import Allocation, Charge, ChargeSlice, ClosedPart, Restatement
from billing.selectors.costs import CostSum, Kind, SumDraft, Surroundings, finish_sums
from billing.selectors.figures import status_of
from billing.selectors.freshness import last_applied_runs
from billing.selectors.sums import nano_sums, read_nano
from portal.shell.statuses import FigureStatus

_CHUNK = 500
_COLUMNS = (
    "slice_id",
    "dimension__invoice_issuer",
    "dimension__provider",
    "dimension__invoice_id",
)


class LineFacts(NamedTuple):
    """What the status of a cost line goes by, or of `lines` that are alike in it.

    A close freezes together the lines of one slice, issuer, provider and invoice.
    """

    slice_id: int
    issuer: str
    provider: str
    invoice_id: str
    newest_day: dt.date
    lines: int = 1


class _Close(NamedTuple):
    closed_at: dt.datetime
    has_moved: bool


_Part = tuple[int, str, str, str]


@dataclass(frozen=True, slots=True)
class SliceFacts:
    """What has happened to some slices, now or until a moment.

    Attributes:
        sources: the connection of each slice.
        changed: when each was written last.
        restated: when the source revised each last.
        closed: what was frozen, by slice, issuer, provider and invoice.
    """

    sources: dict[int, int] = field(default_factory=dict)
    changed: dict[int, dt.datetime] = field(default_factory=dict)
    restated: dict[int, dt.datetime] = field(default_factory=dict)
    closed: dict[_Part, _Close] = field(default_factory=dict)

    def enter(self, line: LineFacts, *, into: SumDraft) -> None:
        """Count the facts of a line, or of several alike, in a sum; amounts are the caller's."""
        close = self.closed.get(line[:4])
        newest = self.restated.get(line.slice_id)
        if close is None:
            is_restated = newest is not None
        else:
            is_restated = close.has_moved or (newest is not None and newest > close.closed_at)
        into.lines += line.lines
        into.uninvoiced += 0 if line.invoice_id else line.lines
        into.restated += line.lines if is_restated else 0
        into.closed += 0 if close is None else line.lines
        into.newest_day = max(into.newest_day, line.newest_day)
        if line.slice_id in self.sources:
            into.connections.add(self.sources[line.slice_id])
        changed = self.changed.get(line.slice_id)
        if changed is not None and (into.changed_at is None or changed > into.changed_at):
            into.changed_at = changed

    def absorb(self, other: SliceFacts) -> None:
        """Add what is known of other slices."""
        self.sources.update(other.sources)
        self.changed.update(other.changed)
        self.restated.update(other.restated)
        self.closed.update(other.closed)


def slice_facts(slices: QuerySet[ChargeSlice], *, until: dt.datetime | None = None) -> SliceFacts:
    """What has happened to these slices; with `until`, by that moment. Three queries, or four."""
    rows = slices.order_by().values_list("pk", "connection_id", "changed_at")
    found = SliceFacts()
    for pk, source, changed in rows:
        found.sources[pk] = source
        if until is None or changed <= until:
            found.changed[pk] = changed
    if until is not None:
        found.changed.update(_earlier_changes(slices, until))
    ids = slices.order_by().values("pk")
    restated = Restatement.objects.filter(by_then("restated_at", until), slice_id__in=ids)
    found.restated.update(
        restated.order_by().values_list("slice_id").annotate(newest=Max("restated_at"))
    )
    parts = ClosedPart.objects.filter(by_then("closed_at", until), slice_id__in=ids).values_list(
        "slice_id", "invoice_issuer", "provider", "invoice_id", "closed_at", "moved_at"
    )
    for slice_id, issuer, provider, invoice_id, closed_at, moved_at in parts:
        has_moved = moved_at is not None and (until is None or moved_at <= until)
        found.closed[slice_id, issuer, provider, invoice_id] = _Close(closed_at, has_moved)
    return found


def by_then(column: str, until: dt.datetime | None) -> Q:
    """Rows of which something had happened by a moment; all of them when it is None."""
    return Q() if until is None else Q(**{f"{column}__lte": until})


def _earlier_changes(
    slices: QuerySet[ChargeSlice], at: dt.datetime
) -> Iterable[tuple[int, dt.datetime]]:
    """When slices that were written again since had been written last: their own moment is the
    later one, so the versions of their lines are asked."""
    later = slices.filter(changed_at__gt=at).order_by().values("pk")
    moments = (
        Charge.objects.filter(slice_id__in=later, recorded_at__lte=at)
        .order_by()
        .values_list("slice_id")
        .annotate(
            written=Max("recorded_at"),
            withdrawn=Max("superseded_at", filter=Q(superseded_at__lte=at)),
        )
    )
    for slice_id, written, withdrawn in moments:
        yield slice_id, written if withdrawn is None else max(written, withdrawn)


@dataclass(frozen=True, slots=True)
class LineBook:
    """The facts of some slices and what else decides about their lines.

    `around.withdrawn` is empty for single lines: what was taken back beside a line is no part of
    it. Where sums are told, it holds the slices whose money they lack.
    """

    slices: SliceFacts
    around: Surroundings

    @classmethod
    def of_slices(cls, ids: Iterable[int], *, now: dt.datetime) -> Self:
        """The book for the lines of these slices. Four queries for up to 500 of them."""
        wanted, found = sorted(set(ids)), SliceFacts()
        for start in range(0, len(wanted), _CHUNK):
            chunk = wanted[start : start + _CHUNK]
            found.absorb(slice_facts(ChargeSlice.objects.filter(pk__in=chunk)))
        return cls(found, Surroundings((), last_applied_runs(), now))

    def sum_of(self, draft: SumDraft, kind: Kind) -> CostSum:
        """What a draft has come to."""
        return finish_sums({((), kind): draft}, by=(), around=self.around)[0]

    def status_of(self, draft: SumDraft, basis: str) -> FigureStatus:
        """The status of a group of lines of one basis; *provisional* when there is none."""
        if not draft.lines:
            return FigureStatus.PROVISIONAL
        return status_of(self.sum_of(draft, Kind("", basis)), now=self.around.now)

    def status_of_line(self, line: LineFacts, basis: str) -> FigureStatus:
        """The status of one line."""
        draft = SumDraft()
        self.slices.enter(line, into=draft)
        return self.status_of(draft, basis)

    def statuses_of_lines(self, lines: Iterable[tuple[LineFacts, str]]) -> list[FigureStatus]:
        """The status of each line with its basis, in their order; alike ones are judged once."""
        known: dict[tuple[LineFacts, str], FigureStatus] = {}
        found = []
        for line in lines:
            if line not in known:
                known[line] = self.status_of_line(*line)
            found.append(known[line])
        return found


def facts_of(charge: Charge) -> LineFacts:
    """The facts of a cost line that was read with its dimension."""
    said = charge.dimension
    return LineFacts(
        charge.slice_id, said.invoice_issuer, said.provider, said.invoice_id, charge.day
    )


def statuses_of_charges(
    charges: Collection[Charge], *, now: dt.datetime
) -> dict[int, FigureStatus]:
    """By number, the status of cost lines read with their dimensions. Four queries.

    A superseded one is *restated*: its source sent another, or none.
    """
    book = LineBook.of_slices((each.slice_id for each in charges), now=now)
    return {each.pk: _status_of(each, facts_of(each), book) for each in charges}


def _status_of(charge: Charge, facts: LineFacts, book: LineBook) -> FigureStatus:
    if charge.superseded_at is not None:
        return FigureStatus.RESTATED
    return book.status_of_line(facts, charge.cost_basis)


def statuses_of_versions(
    charge: Charge, versions: Iterable[Charge], *, now: dt.datetime
) -> dict[int, FigureStatus]:
    """By number, the status of a cost line and of its versions. Four queries.

    Versions have the slice and the dimension of the line: what they differ in is amounts.
    """
    book = LineBook.of_slices([charge.slice_id], now=now)
    return {each.pk: _status_of(each, facts_of(charge), book) for each in (charge, *versions)}


def statuses_of_rows(
    rows: Collection[Mapping[str, Any]], *, now: dt.datetime
) -> list[FigureStatus]:
    """The status of live lines, or parts of lines, in their order. Four queries.

    Args:
        rows: each with `slice_id`, `issuer`, `provider`, `invoice_id`, `day` and `basis`.
    """
    book = LineBook.of_slices((row["slice_id"] for row in rows), now=now)
    names = ("slice_id", "issuer", "provider", "invoice_id", "day")
    return book.statuses_of_lines(
        (LineFacts(*(row[name] for name in names)), row["basis"]) for row in rows
    )


def grouped_facts(
    rows: QuerySet[Any], by: Sequence[str], *, prefix: str = ""
) -> Iterator[tuple[tuple[Any, ...], LineFacts]]:
    """The facts of lines, or of parts of lines, apart by some columns. One query; it gives a row
    for each slice and not for each line.

    Args:
        rows: charges, or allocations with the prefix `charge__`.
    """
    columns = [f"{prefix}{name}" for name in _COLUMNS]
    grouped = (
        rows.order_by().values_list(*by, *columns).annotate(newest=Max("day"), lines=Count("pk"))
    )
    for row in grouped:
        yield tuple(row[: len(by)]), LineFacts(*row[len(by) :])


def merged(drafts: Iterable[SumDraft]) -> SumDraft:
    """Several as one."""
    found = SumDraft()
    for each in drafts:
        found.absorb(each)
    return found


def drafts_of_parts(
    parts: QuerySet[Allocation], by: Sequence[str]
) -> dict[tuple[Any, ...], SumDraft]:
    """Parts of lines gathered by some columns, with the facts that decide how settled they are.

    Four queries; a row for each slice and not for each line.
    """
    ids = parts.order_by().values("charge__slice_id")
    slices = slice_facts(ChargeSlice.objects.filter(pk__in=ids))
    rows: Iterable[Mapping[str, Any]] = (
        parts.order_by()
        .values(
            slice_number=F("charge__slice_id"),
            issuer=F("charge__dimension__invoice_issuer"),
            provider=F("charge__dimension__provider"),
            invoice_id=F("charge__dimension__invoice_id"),
            **{f"by_{place}": F(column) for place, column in enumerate(by)},
        )
        .annotate(
            **nano_sums(billed="billed_nano", effective="effective_nano"),
            lines=Count("pk"),
            unknown=Count("pk", filter=Q(effective_nano__isnull=True)),
            newest=Max("day"),
        )
    )
    found: dict[tuple[Any, ...], SumDraft] = {}
    for row in rows:
        key = tuple(row[f"by_{place}"] for place in range(len(by)))
        draft = found.setdefault(key, SumDraft())
        draft.billed += read_nano(row, "billed")
        draft.effective += read_nano(row, "effective")
        draft.unknown += row["unknown"]
        names = ("slice_number", "issuer", "provider", "invoice_id", "newest", "lines")
        slices.enter(LineFacts(*(row[name] for name in names)), into=draft)
    return found
