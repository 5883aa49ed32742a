"""What a registration could see, said before anybody commits to it.

From the real baseline, for the registered method with everything it costs: the protection against
noisy weeks makes the smallest visible effect larger, and a promise that left it out would be false.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass, replace

from adoption.validation.ewma import ewma
from adoption.validation.methods import (
    Method,
    UnitWeeks,
    counts_of,
    level_of,
    measurements_of,
)
from adoption.validation.power import smallest_difference, weeks_needed
from adoption.validation.protocol import Protocol, sample_size
from adoption.validation.results import Scale
from adoption.validation.series import FEWEST_ON_A_SIDE, Series, smallest_step
from adoption.validation.verdict import Direction
from adoption.validation.weekly import noise_of, weekly_power, weekly_smallest

POWER = 0.8
RANK_COST = 1.0233  # square root of 1 / 0.955: what ranks cost beside means on normal values
MEDIAN_COST = 1.2533  # square root of pi / 2: what medians cost
MOST_WEEKS = 520


@dataclass(frozen=True, slots=True)
class Promise:
    """What can be seen with the baseline as it is and a window of some weeks after.

    Attributes:
        n: events, measurements or units of the baseline.
        weeks: of the baseline and after.
        smallest: effect in the registered direction that is found with 80 % power; None when
            none is. A ratio, or a difference in the metric's unit.
        power: of the smallest effect of interest, 0 to 1; None where it is not known.
        weeks_needed: on each side for the smallest effect of interest; None where not known.
        dispersion: of the baseline's weeks, at least 1; None where no counts are looked at.
        has_drifted: whether the baseline left its own limits (EWMA), so it may not be level.
        words: the whole of it in one sentence.
    """

    n: int
    weeks: tuple[int, int]
    smallest: float | None
    power: float | None
    weeks_needed: int | None
    dispersion: float | None
    has_drifted: bool
    words: str

    def sees(self, interest: float, direction: Direction) -> bool:
        """Whether the smallest effect of interest would probably be found."""
        if self.smallest is None:
            return False
        if direction is Direction.INCREASE:
            return self.smallest <= interest
        return self.smallest >= interest


def _percent(ratio: float) -> str:
    sign = "+" if ratio >= 1 else "−"
    return f"{sign}{abs(ratio - 1) * 100:.0f} %"


def _words(n: int, noun: str, smallest: float | None, scale: Scale, unit: str) -> str:
    if smallest is None:
        return f"With {n} {noun} in the baseline no change that anybody could hope for can be seen."
    size = _percent(smallest) if scale is Scale.RATIO else f"{smallest:+.3g} {unit}".strip()
    return f"With {n} {noun} in the baseline you can only see changes of {size} or more."


def promise(
    protocol: Protocol,
    units: Sequence[UnitWeeks],
    weeks_after: int,
    *,
    noun: str = "events",
    unit: str = "",
) -> Promise:
    """What this protocol could see on this baseline.

    Args:
        units: with their weeks before; weeks after are not looked at.
        noun: what is counted, in the plural.
        unit: of the metric, for differences.
    """
    weeks = (max((len(each.before) for each in units), default=0), weeks_after)
    n = sample_size(protocol.method, units)
    if protocol.method.scale is Scale.RATIO:
        return _of_counts(protocol, units, weeks, n, noun)
    smallest = _smallest_difference(protocol, units, weeks)
    if smallest is not None and protocol.direction is Direction.DECREASE:
        smallest = -smallest
    return Promise(
        n=n,
        weeks=weeks,
        smallest=smallest,
        power=None,
        weeks_needed=None,
        dispersion=None,
        has_drifted=False,
        words=_words(n, noun, smallest, Scale.DIFFERENCE, unit),
    )


def _of_counts(
    protocol: Protocol, units: Sequence[UnitWeeks], weeks: tuple[int, int], n: int, noun: str
) -> Promise:
    counts = [count for count in counts_of(units, "before") if count is not None]
    mean = statistics.fmean(counts) if counts else 0.0
    noise = noise_of(counts, ())
    smallest, power = _smallest_ratio(protocol, mean, weeks, noise.factor)
    needed = (
        weeks_needed(protocol.interest, mean, dispersion=noise.factor, alpha=protocol.alpha)
        if mean > 0
        else None
    )
    return Promise(
        n=n,
        weeks=weeks,
        smallest=smallest,
        power=power,
        weeks_needed=needed if needed is None or needed <= MOST_WEEKS else None,
        dispersion=noise.factor,
        has_drifted=_has_drifted(counts),
        words=_words(n, noun, smallest, Scale.RATIO, ""),
    )


def _smallest_ratio(
    protocol: Protocol, mean: float, weeks: tuple[int, int], dispersion: float
) -> tuple[float | None, float | None]:
    if mean <= 0 or min(weeks) < 1:
        return None, None
    if protocol.method is Method.INTERRUPTED_SERIES:
        if min(weeks) < FEWEST_ON_A_SIDE:
            return None, None
        design = Series(
            counts=[0] * sum(weeks), exposure=[1.0] * sum(weeks), launch=weeks[0], gap=protocol.gap
        )
        step = smallest_step(mean, design, dispersion=dispersion, alpha=protocol.alpha, power=POWER)
        if step is not None and protocol.direction is Direction.DECREASE:
            step = 1 / step
        return step, None
    smallest = weekly_smallest(
        mean,
        weeks,
        is_increase=protocol.direction is Direction.INCREASE,
        dispersion=dispersion,
        alpha=protocol.alpha,
        power=POWER,
        seed=protocol.seed,
    )
    power = weekly_power(
        protocol.interest,
        mean,
        weeks,
        dispersion=dispersion,
        alpha=protocol.alpha,
        seed=protocol.seed,
    )
    return smallest, power


def _smallest_difference(
    protocol: Protocol, units: Sequence[UnitWeeks], weeks: tuple[int, int]
) -> float | None:
    if protocol.method.compares_units:
        return _smallest_of_units(protocol, units)
    values = measurements_of(units, "before")
    if len(values) < 3 or not weeks[0]:
        return None
    after = round(len(values) * weeks[1] / weeks[0])
    cost = RANK_COST if protocol.method is Method.RANK_SHIFT else MEDIAN_COST
    spread = statistics.stdev(values) * cost
    return smallest_difference((len(values), after), spread, alpha=protocol.alpha, power=POWER)


def _smallest_of_units(protocol: Protocol, units: Sequence[UnitWeeks]) -> float | None:
    """From how much units changed by themselves between the halves of the baseline."""
    changes = []
    for each in units:
        middle = len(each.before) // 2
        halves = (level_of(each.before[:middle]), level_of(each.before[middle:]))
        if halves[0] is not None and halves[1] is not None:
            changes.append(halves[1] - halves[0])
    treated = sum(each.is_treated for each in units)
    if len(changes) < 3 or treated < 2 or len(units) - treated < 2:
        return None
    spread = statistics.stdev(changes)
    # A half is half as long as the window, so its level is noisier by the square root of two.
    return smallest_difference(
        (treated, len(units) - treated), spread / 2**0.5, alpha=protocol.alpha, power=POWER
    )


def _has_drifted(counts: Sequence[int]) -> bool:
    if len(counts) < 4:
        return False
    mean, spread = statistics.fmean(counts), statistics.stdev(counts)
    return spread > 0 and bool(ewma(counts, start=mean, deviation=spread).signals)


def longer(protocol: Protocol, units: Sequence[UnitWeeks], weeks_after: int) -> Promise:
    """The same with twice the weeks on both sides, as the baseline goes on."""
    doubled = [replace(unit, before=(*unit.before, *unit.before)) for unit in units]
    return promise(protocol, doubled, 2 * weeks_after)
