"""From data points to what was used between them: deltas, running totals, resets, repeats."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from billing.sources.lines import BadValueError
from billing.sources.otel.documents import Point, day_of
from portal.shell.money import EXACT


@dataclass(slots=True)
class Increments:
    """What the points add up to.

    Attributes:
        found: each point with what it adds.
        conflicts: points that contradict one with the same name and time.
        resets: running totals that fell, each taken for a new beginning.
        baselines: running totals that began before this input, whose first value is not counted.
    """

    found: list[tuple[Point, Decimal]] = field(default_factory=list)
    conflicts: list[tuple[Point, BadValueError]] = field(default_factory=list)
    resets: list[Point] = field(default_factory=list)
    baselines: list[Point] = field(default_factory=list)


def increments_of(points: Iterable[Point]) -> Increments:
    """Each amount once, however often a point was delivered and in whatever order."""
    result = Increments()
    series: dict[tuple[Any, ...], dict[int, Point]] = defaultdict(dict)
    for point in points:
        known = series[point.series].setdefault(point.time, point)
        if known is not point and known.value != point.value:
            error = BadValueError(
                point.metric, point.value, "conflicting_point",
                f"{known.value}, as another delivery of this point says", fatal=True,
            )  # fmt: skip
            result.conflicts.append((point, error))
    covered = {day_of(time) for times in series.values() for time in times}
    for times in series.values():
        ordered = [times[time] for time in sorted(times)]
        if not ordered[0].is_cumulative:
            result.found.extend((point, point.value) for point in ordered)
            continue
        result.found.extend(_from_running_total(ordered, covered, result))
    return result


def _from_running_total(
    ordered: Sequence[Point], covered: set[Any], result: Increments
) -> Iterator[tuple[Point, Decimal]]:
    """Differences. A series counts from 0 at its start; when it started on a day that this input
    does not hold, its first value also holds that day's part and is only where counting begins."""
    first = ordered[0]
    began = day_of(first.start + 1)
    before = Decimal(0)
    if began < day_of(first.time) and began not in covered:
        result.baselines.append(first)
        before, ordered = first.value, ordered[1:]
        yield first, Decimal(0)
    for point in ordered:
        if point.value < before:
            result.resets.append(point)
            before = Decimal(0)
        yield point, EXACT.subtract(point.value, before)
        before = point.value
