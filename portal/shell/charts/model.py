"""What goes into a chart and what comes out."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from django.utils.safestring import SafeString

from portal.shell.formats import MISSING, Number, number_text

Formatter = Callable[[Number], str]
COLOURS = 8  # series colours in the stylesheet; a ninth series starts again with the first
UNKNOWN = "not known"


class UnevenSeriesError(ValueError):
    """A series has more or fewer values than the chart has labels."""


@dataclass(frozen=True, slots=True)
class Series:
    """One row of values, one for each label; None where there is none, never 0 for that.

    Attributes:
        label: its name in the legend.
        values: one a label.
        reason: why values are missing, where `reasons` does not say it for a label.
        reasons: reason by position.
        intervals: lowest and highest by position, drawn as a band behind the line; an open end is
            None. Only lines show them.
    """

    label: str
    values: Sequence[Number | None]
    reason: str = UNKNOWN
    reasons: Mapping[int, str] = field(default_factory=dict)
    intervals: Mapping[int, tuple[Number | None, Number | None]] = field(default_factory=dict)

    def reason_at(self, index: int) -> str:
        return self.reasons.get(index, self.reason)


@dataclass(frozen=True, slots=True)
class LegendEntry:
    """A colour (1 to `COLOURS`) and what it stands for."""

    colour: int
    label: str


@dataclass(frozen=True, slots=True)
class Chart:
    """A finished chart, for `components/_chart.html`.

    Attributes:
        title, unit: the caption.
        svg: the drawing; `axis_svg` stands to its left.
        headings, rows: the same values as a table of texts; the first cell heads its row.
        legend: empty where one series needs none.
        notes: what is missing and why, and anything else that the drawing cannot say.
        list_html: a list that is itself the text alternative; then there is no table.
    """

    title: str
    unit: str
    svg: SafeString
    axis_svg: SafeString = SafeString("")
    headings: Sequence[str] = ()
    rows: Sequence[Sequence[str]] = ()
    legend: Sequence[LegendEntry] = ()
    notes: Sequence[str] = ()
    list_html: SafeString = SafeString("")


def plain_number(value: Number) -> str:
    """The formatter used where none is given: all digits, in groups of three."""
    return number_text(value, None)


def colour_of(position: int) -> int:
    """The stylesheet's colour for the series at `position`."""
    return position % COLOURS + 1


def element_id(title: str, description: str) -> str:
    """An id that is the same on every rendering and differs between the charts of a page."""
    return f"chart-{zlib.crc32(f'{title} {description}'.encode()):08x}"


def check_lengths(labels: Sequence[str], series: Sequence[Series]) -> None:
    """Refuse series that do not fit the labels.

    Raises:
        UnevenSeriesError: naming the first such series.
    """
    for each in series:
        if len(each.values) != len(labels):
            raise UnevenSeriesError(
                f"series {each.label!r} has {len(each.values)} values for {len(labels)} labels"
            )


def value_rows(labels: Sequence[str], series: Sequence[Series], text: Formatter) -> list[list[str]]:
    """The table behind a chart: one row a label, one column a series."""
    rows = []
    for index, label in enumerate(labels):
        cells = [label]
        for each in series:
            value = each.values[index]
            cells.append(f"{MISSING} ({each.reason_at(index)})" if value is None else text(value))
        rows.append(cells)
    return rows


def missing_notes(labels: Sequence[str], series: Sequence[Series]) -> list[str]:
    """One sentence for each reason why values are missing, with the labels that it holds for."""
    by_reason: dict[tuple[str, str], list[str]] = {}
    for each in series:
        name = each.label if len(series) > 1 else ""
        for index, value in enumerate(each.values):
            if value is None:
                by_reason.setdefault((name, each.reason_at(index)), []).append(labels[index])
    notes = []
    for (name, reason), found in by_reason.items():
        where = ", ".join(found) if len(found) <= 3 else f"{found[0]} and {len(found) - 1} more"
        notes.append(f"No value for {where}{f' ({name})' if name else ''}: {reason}.")
    return notes
