"""The methods that a registration may name, over the weeks of its units.

Each takes the same thing, units with their weeks before and after, and gives an estimate, a word on
equivalence, and a check that must find nothing. Which one is used is registered beforehand.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from statistics import fmean

from adoption.validation import numerics
from adoption.validation.cuped import adjusted_difference
from adoption.validation.differences import Unit, paired_changes, permuted_changes
from adoption.validation.measured import widening
from adoption.validation.medians import median_difference, rank_shift
from adoption.validation.placebo import Placebo, in_time, in_unit
from adoption.validation.results import Estimate, NotEvaluableError, Scale
from adoption.validation.series import Series
from adoption.validation.trends import alike_series
from adoption.validation.weekly import weekly_equivalence_p, weekly_ratio

PLACEBO_ALPHA = 0.01  # a check that must find nothing is wrong once in a hundred times
FEWEST_WEEKS = 4  # on each side of a launch that never was


class Method(StrEnum):
    """Key of a method; stored in registrations, never renamed."""

    WEEKLY_RATIO = "weekly_ratio"
    INTERRUPTED_SERIES = "interrupted_series"
    RANK_SHIFT = "rank_shift"
    MEDIAN_DIFFERENCE = "median_difference"
    PAIRED_CHANGES = "paired_changes"
    PERMUTED_CHANGES = "permuted_changes"
    CUPED = "cuped"

    @property
    def scale(self) -> Scale:
        """Ratios for counts over time, differences in the metric's unit for the rest."""
        return Scale.RATIO if self in OF_COUNTS else Scale.DIFFERENCE

    @property
    def compares_units(self) -> bool:
        """Whether it needs units that were not treated."""
        return self in OF_UNITS


OF_COUNTS = frozenset({Method.WEEKLY_RATIO, Method.INTERRUPTED_SERIES})
OF_MEASUREMENTS = frozenset({Method.RANK_SHIFT, Method.MEDIAN_DIFFERENCE})
OF_UNITS = frozenset({Method.PAIRED_CHANGES, Method.PERMUTED_CHANGES, Method.CUPED})


@dataclass(frozen=True, slots=True)
class Week:
    """What one unit's week gives: a count of events, or measurements. Missing is not nothing."""

    events: int | None = None
    measurements: tuple[float, ...] = ()
    is_missing: bool = False


@dataclass(frozen=True, slots=True)
class UnitWeeks:
    """A unit with its weeks, oldest first."""

    name: str
    is_treated: bool
    before: tuple[Week, ...]
    after: tuple[Week, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """What of a registration an estimator needs. `gap`: weeks of wash-out."""

    method: Method
    alpha: float = 0.05
    seed: int = 0
    gap: int = 0


def counts_of(units: Sequence[UnitWeeks], side: str) -> list[int | None]:
    """Events of the treated units week by week; None where one of them has no data."""
    sides = [getattr(unit, side) for unit in units if unit.is_treated]
    return [
        None if any(week.is_missing for week in weeks) else sum(week.events or 0 for week in weeks)
        for weeks in zip(*sides, strict=True)
    ]


def measurements_of(units: Sequence[UnitWeeks], side: str) -> list[float]:
    """All measurements of the treated units."""
    return [
        value
        for unit in units
        if unit.is_treated
        for week in getattr(unit, side)
        for value in week.measurements
    ]


def weeks_of(units: Sequence[UnitWeeks], side: str) -> list[list[float]]:
    """Measurements of the treated units, week by week."""
    sides = [getattr(unit, side) for unit in units if unit.is_treated]
    return [
        [value for week in weeks for value in week.measurements]
        for weeks in zip(*sides, strict=True)
    ]


def level_of(weeks: Sequence[Week]) -> float | None:
    """A unit's level on one side: the mean of its measurements, or its events a week.

    None when a quarter of the weeks or more have no data, or nothing was measured.
    """
    known = [week for week in weeks if not week.is_missing]
    if len(known) * 4 <= len(weeks) * 3 and len(known) < len(weeks):
        return None
    if any(week.events is not None for week in known):
        return fmean(week.events or 0 for week in known)
    values = [value for week in known for value in week.measurements]
    return fmean(values) if values else None


def levels_of(units: Sequence[UnitWeeks]) -> list[Unit]:
    """Units as the comparisons of units take them."""
    return [
        Unit(unit.name, unit.is_treated, level_of(unit.before), level_of(unit.after))
        for unit in units
    ]


def _known(units: Sequence[UnitWeeks], side: str) -> list[int]:
    return [count for count in counts_of(units, side) if count is not None]


def _series(units: Sequence[UnitWeeks], gap: int) -> Series:
    before, after = counts_of(units, "before"), counts_of(units, "after")
    counts = [count for count in (*before, *after) if count is not None]
    if len(counts) < len(before) + len(after):
        raise NotEvaluableError("A week has no data, and a series needs every week.")
    return Series(counts=counts, exposure=[1.0] * len(counts), launch=len(before), gap=gap)


def estimate(units: Sequence[UnitWeeks], setting: Setting) -> Estimate:
    """The effect by the registered method.

    Raises:
        NotEvaluableError: the data cannot carry it, with a sentence.
    """
    return _ESTIMATORS[setting.method](units, setting)


def _weekly(units: Sequence[UnitWeeks], setting: Setting) -> Estimate:
    before, after = _known(units, "before"), _known(units, "after")
    return weekly_ratio(before, after, alpha=setting.alpha)


def _interrupted(units: Sequence[UnitWeeks], setting: Setting) -> Estimate:
    return alike_series(_series(units, setting.gap), alpha=setting.alpha)


def _ranks(units: Sequence[UnitWeeks], setting: Setting) -> Estimate:
    before, after = measurements_of(units, "before"), measurements_of(units, "after")
    return _widened(rank_shift(before, after, alpha=setting.alpha), units, setting)


def _medians(units: Sequence[UnitWeeks], setting: Setting) -> Estimate:
    before, after = measurements_of(units, "before"), measurements_of(units, "after")
    found = median_difference(before, after, seed=setting.seed, alpha=setting.alpha)
    return _widened(found, units, setting)


def _widened(found: Estimate, units: Sequence[UnitWeeks], setting: Setting) -> Estimate:
    """The interval as wide as the weeks are noisy and alike; `likeness.py` says why."""
    weeks = (weeks_of(units, "before"), weeks_of(units, "after"))
    times, noise = widening(*weeks, alpha=setting.alpha)
    details = {**found.details, "noise": noise.dispersion, "likeness": noise.likeness}
    method = f"{found.method.split('/')[0]}/2"
    if times <= 1:
        return replace(found, method=method, details=details)
    interval, center = found.interval, found.effect
    wide = replace(
        interval,
        low=center - times * (center - interval.low),
        high=center + times * (interval.high - center),
        method=f"{interval.method}_alike",
    )
    p_value = found.p_value
    if p_value is not None:
        distance = float(numerics.stats.norm.isf(p_value / 2)) / times
        p_value = 2 * float(numerics.stats.norm.sf(distance))
    return replace(
        found,
        interval=wide,
        p_value=p_value,
        method=method,
        standard_error=None if found.standard_error is None else found.standard_error * times,
        warnings=(*found.warnings, "weeks_differ"),
        details={**details, "widening": times},
    )


def _paired(units: Sequence[UnitWeeks], setting: Setting) -> Estimate:
    return paired_changes(levels_of(units), alpha=setting.alpha)


def _permuted(units: Sequence[UnitWeeks], setting: Setting) -> Estimate:
    return permuted_changes(levels_of(units), seed=setting.seed, alpha=setting.alpha)


def _cuped(units: Sequence[UnitWeeks], setting: Setting) -> Estimate:
    whole = [unit for unit in levels_of(units) if unit.change is not None]
    found, raw = adjusted_difference(
        [float(unit.after or 0) for unit in whole],
        [float(unit.before or 0) for unit in whole],
        [unit.treated for unit in whole],
        alpha=setting.alpha,
    )
    beside = {"raw_effect": raw.effect, "raw_low": raw.interval.low, "raw_high": raw.interval.high}
    return replace(found, details={**found.details, **beside})


_ESTIMATORS: dict[Method, Callable[[Sequence[UnitWeeks], Setting], Estimate]] = {
    Method.WEEKLY_RATIO: _weekly,
    Method.INTERRUPTED_SERIES: _interrupted,
    Method.RANK_SHIFT: _ranks,
    Method.MEDIAN_DIFFERENCE: _medians,
    Method.PAIRED_CHANGES: _paired,
    Method.PERMUTED_CHANGES: _permuted,
    Method.CUPED: _cuped,
}


def is_equivalent(
    units: Sequence[UnitWeeks], setting: Setting, found: Estimate, low: float, high: float
) -> bool:
    """Whether two one-sided tests at alpha put the effect between the margins (TOST)."""
    if setting.method is Method.WEEKLY_RATIO:
        before, after = _known(units, "before"), _known(units, "after")
        return weekly_equivalence_p(before, after, low, high) < setting.alpha
    # Two one-sided tests at alpha are an interval of level 1 - 2 alpha inside the margins.
    narrower = estimate(units, replace(setting, alpha=2 * setting.alpha))
    return narrower.interval.is_within(low, high)


def placebo(units: Sequence[UnitWeeks], setting: Setting) -> Placebo:
    """A launch that never was, in the middle of the baseline; or units that were not treated."""
    if setting.method.compares_units:
        return in_unit(levels_of(units), alpha=setting.alpha)
    try:
        if setting.method is Method.INTERRUPTED_SERIES:
            whole = _series(units, setting.gap)
            return in_time(replace(whole, gap=0), alpha=PLACEBO_ALPHA, method=alike_series)
        return _halves(units, setting)
    except NotEvaluableError as error:
        return Placebo("placebo_in_time", None, None, str(error))


def _halves(units: Sequence[UnitWeeks], setting: Setting) -> Placebo:
    weeks = min((len(unit.before) for unit in units if unit.is_treated), default=0)
    if weeks < 2 * FEWEST_WEEKS:
        note = f"The baseline has {weeks} weeks; {2 * FEWEST_WEEKS} are needed."
        return Placebo("placebo_in_time", None, None, note)
    middle = weeks // 2
    pretended = [
        replace(unit, before=unit.before[:middle], after=unit.before[middle:]) for unit in units
    ]
    found = estimate(pretended, replace(setting, alpha=PLACEBO_ALPHA))
    passed = not found.interval.excludes(found.scale.null)
    note = "nothing was launched then, and nothing is seen" if passed else "an effect of nothing"
    return Placebo("placebo_in_time", passed, found, note)
