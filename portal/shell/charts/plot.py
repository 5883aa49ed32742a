"""What bars and lines share: scale, grid, gaps, labels, target, and the table behind."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from portal.shell.charts.model import (
    Chart,
    Formatter,
    LegendEntry,
    Series,
    check_lengths,
    colour_of,
    missing_notes,
    value_rows,
)
from portal.shell.charts.scale import Scale, nice_scale
from portal.shell.charts.svg import (
    LABEL_HEIGHT,
    axis,
    bottom_labels,
    drawing,
    gap,
    grid,
    target_line,
)
from portal.shell.formats import Number


@dataclass(frozen=True, slots=True)
class Plot:
    """A chart of series over labels, before it is drawn."""

    title: str
    description: str
    labels: Sequence[str]
    series: Sequence[Series]
    unit: str
    text: Formatter
    target: Number | None
    height: int

    @property
    def band(self) -> float:
        """Per cent of the width that each label has."""
        return 100 / max(1, len(self.labels))

    def hover(self, index: int, each: Series, value: Number) -> str:
        """The hover text of one value."""
        label = self.labels[index]
        name = label if len(self.series) == 1 else f"{label}, {each.label}"
        return f"{name}: {self.text(value)}"

    def finish(self, extremes: Iterable[Number], draw: Callable[[Scale], Iterable[str]]) -> Chart:
        """The chart: `draw` adds the marks to a scale that holds `extremes` and the target.

        Raises:
            UnevenSeriesError: a series does not fit the labels.
        """
        check_lengths(self.labels, self.series)
        marks = [*extremes, *([self.target] if self.target is not None else [])]
        scale = nice_scale(marks, height=self.height)
        total = scale.top + self.height + LABEL_HEIGHT
        parts = [grid(scale), *self._gaps(scale), *draw(scale)]
        parts.append(bottom_labels(self.labels, total - 4))
        if self.target is not None:
            words = f"Target {self.text(self.target)}"
            parts.append(target_line(scale, float(self.target), words))
        return Chart(
            title=self.title,
            unit=self.unit,
            svg=drawing(self.title, self.description, total, parts),
            axis_svg=axis(scale, total),
            headings=["", *(each.label for each in self.series)],
            rows=value_rows(self.labels, self.series, self.text),
            legend=self._legend(),
            notes=missing_notes(self.labels, self.series),
        )

    def _gaps(self, scale: Scale) -> list[str]:
        return [
            gap(index, len(self.labels), scale, f"{label}: no value, {self._reason(index)}")
            for index, label in enumerate(self.labels)
            if all(each.values[index] is None for each in self.series)
        ]

    def _reason(self, index: int) -> str:
        return self.series[0].reason_at(index) if self.series else "nothing was measured"

    def _legend(self) -> list[LegendEntry]:
        if len(self.series) < 2:
            return []
        return [LegendEntry(colour_of(i), each.label) for i, each in enumerate(self.series)]
