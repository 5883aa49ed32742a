"""The explorer as rows and columns: table and drawing of one currency and basis."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

from django.http import QueryDict

from billing.selectors.costs import CostSum, Group, merge_sums
from billing.selectors.figures import NO_EFFECTIVE, status_of
from billing.selectors.pivots import Pivot, PivotRow
from billing.selectors.references import FigureReference
from billing.tables.costs import PivotTable
from billing.views.cost_charts import NO_LINE, amount_writer, unit_text
from billing.views.cost_groups import GroupNames
from portal.shell.charts import Chart, Series, bar_chart
from portal.shell.columns import MoneyColumn, Record
from portal.shell.money import from_nano

_MOST_SERIES = 5
_LONGEST_NAME = 40


class PivotView:
    """A pivot with the names of its groups."""

    def __init__(
        self,
        pivot: Pivot,
        *,
        group: Group,
        across: Group,
        names: GroupNames,
        reference: FigureReference,
        rows: Sequence[CostSum],
        now: dt.datetime,
    ) -> None:
        self.pivot = pivot
        self.statuses = {each.key[0]: status_of(each, now=now) for each in rows}
        (whole,) = merge_sums(rows, keep=())  # one kind, so one sum
        self.whole_status = status_of(whole, now=now)
        self.group = group
        self.across = across
        self.names = names
        kind = pivot.kind
        self.reference = reference.with_(currency=kind.currency, basis=kind.basis)

    def table(self, *, query: QueryDict, path: str) -> PivotTable:
        """Rows by name or month, then the total; every cell leads to the lines that it sums."""
        rows = [self._record(row) for row in self.pivot.rows]
        columns = [
            (f"c{place}", _column(place, self.names.of(self.across, key)[0]))
            for place, key in enumerate(self.pivot.columns)
        ]
        if self.pivot.hidden:
            columns.append(("rest", MoneyColumn(f"{self.pivot.hidden} more", reason="nothing",
                                                nullable=True)))  # fmt: skip
        return PivotTable(rows, query=query, path=path, extra_columns=columns, foot=[self._total()])

    def _record(self, row: PivotRow) -> Record:
        name, limits = self.names.of(self.group, row.key)
        return {
            **self._amounts(row, self.reference.with_(**limits)),
            "name": name,
            "place": row.key if self.group == Group.MONTH else name.casefold(),
            "status": self.statuses[row.key],
        }

    def _total(self) -> Record:
        """All rows, also those of other pages."""
        return {
            **self._amounts(self.pivot.total, self.reference),
            "name": "Total",
            "status": self.whole_status,
        }

    def _amounts(self, row: PivotRow, reference: FigureReference) -> dict[str, Any]:
        record: dict[str, Any] = {
            "total": row.total,
            "total_url": reference.lineage_url,
            "rest": row.rest,
            "currency": self.pivot.kind.currency,
            "basis": self.pivot.kind.basis_label,
        }
        for place, key in enumerate(self.pivot.columns):
            record[f"c{place}"] = row.cells.get(key)
            record[f"u{place}"] = self._cell_url(reference, key)
        return record

    def _cell_url(self, reference: FigureReference, key: Any) -> str:
        """A use case of no team, and the like, cannot be named by one reference."""
        limits = self.names.of(self.across, key)[1]
        return reference.with_(**limits).lineage_url

    def chart(self) -> Chart:
        """The columns as labels and the largest rows stacked on each; months always along."""
        rows = sorted(self.pivot.rows, key=lambda row: -abs(row.total or 0))
        labels = [_short(self.names.of(self.across, key)[0]) for key in self.pivot.columns]
        series = [
            self._series(self.names.of(self.group, row.key)[0], [row])
            for row in rows[:_MOST_SERIES]
        ]
        if rest := rows[_MOST_SERIES:]:
            series.append(self._series(f"{len(rest)} more", rest))
        measure = self.reference.measure
        return bar_chart(
            title=f"{measure.capitalize()} cost in {unit_text(self.pivot.kind)}",
            description="A bar for each column of the table, made of its largest rows.",
            labels=labels,
            unit=unit_text(self.pivot.kind),
            series=series,
            text=amount_writer(self.pivot.kind.currency),
        )

    def _series(self, name: str, rows: Sequence[PivotRow]) -> Series:
        values = []
        for key in self.pivot.columns:
            known = [row.cells[key] for row in rows if row.cells.get(key) is not None]
            values.append(from_nano(sum(nano or 0 for nano in known)) if known else None)
        reason = NO_LINE if self.reference.measure == "billed" else f"{NO_LINE}, or {NO_EFFECTIVE}"
        return Series(_short(name), values, reason=reason)


def _column(place: int, heading: str) -> MoneyColumn:
    return MoneyColumn(
        heading,
        url=lambda record: record[f"u{place}"],
        fields=(f"u{place}",),
        reason="nothing",
        nullable=True,
    )


def _short(name: str) -> str:
    return name if len(name) <= _LONGEST_NAME else f"{name[: _LONGEST_NAME - 1]}…"


def kinds_of(sums: Sequence[CostSum]) -> list[Any]:
    """Every currency and basis among these sums, in order."""
    return sorted({each.kind for each in sums}, key=lambda kind: (kind.currency, kind.basis))
