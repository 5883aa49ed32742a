"""What a registration could see, said before anybody commits to it.

From the real baseline, for the registered method with everything it costs: the protection against
noisy weeks makes the smallest visible effect larger, and a promise that left it out would be false.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass, replace

from adoption.validation import numerics
from adoption.validation.ewma import ewma
from adoption.validation.likeness import Noise
from adoption.validation.measured import errors_needed, measured_noise
from adoption.validation.methods import (
    Method,
    UnitWeeks,
    counts_of,
    level_of,
    measurements_of,
    weeks_of,
)
from adoption.validation.power import smallest_difference, weeks_needed
from adoption.validation.protocol import Protocol, sample_size
from adoption.validation.results import Scale
from adoption.validation.series import FEWEST_ON_A_SIDE, Series
from adoption.validation.trends import alike_smallest_step, noise_around
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
        dispersion: how many times as noisy as Poisson a long sum of the baseline's weeks is, at
            least 1; None where no counts are looked at.
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
    has_trend = protocol.method is Method.INTERRUPTED_SERIES
    noise = noise_around(_design(counts, 0, 0)) if has_trend else noise_of(counts, ())
    smallest, power = _smallest_ratio(protocol, mean, weeks, noise)
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


def _design(counts: Sequence[int], after: int, gap: int) -> Series:
    every = [*counts, *[0] * after]
    return Series(counts=every, exposure=[1.0] * len(every), launch=len(counts), gap=gap)


def _smallest_ratio(
    protocol: Protocol, mean: float, weeks: tuple[int, int], noise: Noise
) -> tuple[float | None, float | None]:
    if mean <= 0 or min(weeks) < 1:
        return None, None
    rises = protocol.direction is Direction.INCREASE
    if protocol.method is Method.INTERRUPTED_SERIES:
        if min(weeks) < FEWEST_ON_A_SIDE:
            return None, None
        step = alike_smallest_step(
            mean,
            _design([0] * weeks[0], weeks[1], protocol.gap),
            is_increase=rises,
            noise=noise,
            alpha=protocol.alpha,
            power=POWER,
            seed=protocol.seed,
        )
        return step, None
    smallest = weekly_smallest(
        mean,
        weeks,
        is_increase=rises,
        noise=noise,
        alpha=protocol.alpha,
        power=POWER,
        seed=protocol.seed,
    )
    power = weekly_power(
        protocol.interest,
        mean,
        weeks,
        noise=noise,
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
    if len(values) < 3 or min(weeks) < 2:
        return None
    cost = RANK_COST if protocol.method is Method.RANK_SHIFT else MEDIAN_COST
    return smallest_shift(
        len(values) / weeks[0],
        weeks,
        statistics.stdev(values) * cost,
        noise=measured_noise(weeks_of(units, "before")),
        alpha=protocol.alpha,
        seed=protocol.seed,
    )


def smallest_shift(
    a_week: float,
    weeks: tuple[int, int],
    spread: float,
    *,
    noise: Noise,
    alpha: float = 0.05,
    seed: int = 0,
) -> float | None:
    """The smallest difference of pooled measurements that is found with 80 % power.

    Args:
        a_week: measurements of a week.
        spread: standard deviation of one, times what the method costs beside means.
    """
    plain = smallest_difference(
        (round(a_week * weeks[0]), round(a_week * weeks[1])), spread, alpha=alpha, power=POWER
    )
    if plain is None:
        return None
    needed = errors_needed(weeks, a_week, noise, alpha=alpha, power=POWER, seed=seed)
    usual = float(numerics.stats.norm.isf(alpha / 2) + numerics.stats.norm.ppf(POWER))
    return plain * max(1.0, needed / usual)


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
