"""Roll-outs that never were, and some that were: how often the protocol is right.

Each story is a way in which weeks differ from textbook counts. A method is held against each of
them twice: with an effect of nothing, and with one as large as it promises to find.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from adoption.validation import numerics
from adoption.validation.likeness import Noise
from adoption.validation.measured import PLAIN
from adoption.validation.medians import median_difference, rank_shift
from adoption.validation.methods import (
    Method,
    Setting,
    UnitWeeks,
    counts_of,
    estimate,
    levels_of,
    measurements_of,
)
from adoption.validation.power import smallest_difference
from adoption.validation.promises import MEDIAN_COST, RANK_COST, smallest_shift
from adoption.validation.rates import LOG_WALD, Rate, rate_ratio
from adoption.validation.results import Estimate, Interval, NotEvaluableError, Scale
from adoption.validation.rollouts import (
    A_WEEK,
    LONGER,
    WEEKS,
    Draw,
    bad_month_counts,
    bad_month_measurements,
    counts,
    measurements,
    overdispersed,
    units,
)
from adoption.validation.series import Series, naive_before_after
from adoption.validation.trends import alike_smallest_step
from adoption.validation.weekly import weekly_smallest

SIDES = (WEEKS, WEEKS)
# The months that were not the worst are a little better than usual, and the baseline is made of
# them: an effect is found a little less often than promised, never more often.
BAD_MONTH = "after a bad month"
SPREAD = 0.3  # of the logarithm of a level that wanders
COMMON = 0.4  # of what measurements of a week have in common, in deviations of one
PRECISE = 4_000  # roll-outs behind a promise that others are held to
Units = list[UnitWeeks]


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """A way in which data come about, a method, and what one would do without the protocol.

    Attributes:
        draw: `draw(rng, effect)` → the weeks of a roll-out.
        blind: what one would compute without a protocol.
        effect: one that the method promises to find with 80 % power, or any one of its kind.
        is_promised: whether it is as large as promised, so that the power can be held to it.
    """

    method: Method
    name: str
    draw: Draw
    blind: Callable[[Units, int], Estimate]
    effect: Callable[[], float | None]
    is_promised: bool = True

    @property
    def null(self) -> float:
        """An effect of nothing."""
        return self.method.scale.null


@dataclass(frozen=True, slots=True)
class Tally:
    """How it went; counts out of `runs`. `covered` and `found` are of the real effect.

    Attributes:
        evaluated: of the real roll-outs, those that gave an interval at all.
        effect: how large it was, a ratio or a difference.
        is_promised: whether the effect was as large as the method promises to find.
    """

    method: str
    story: str
    runs: int
    evaluated: int
    covered: int
    false_supported: int
    false_without_protocol: int
    found: int
    effect: float
    is_promised: bool


def _totals(drawn: Units, _seed: int) -> Estimate:
    sides = [[each or 0 for each in counts_of(drawn, side)] for side in ("before", "after")]
    before, after = (Rate(sum(side), len(side)) for side in sides)
    return rate_ratio(before, after, method=LOG_WALD)


def _bare(drawn: Units, _seed: int) -> Estimate:
    before, after = ([e or 0 for e in counts_of(drawn, side)] for side in ("before", "after"))
    exposure = [1.0] * (len(before) + len(after))
    return naive_before_after(
        Series(counts=[*before, *after], exposure=exposure, launch=len(before))
    )


def _pooled_ranks(drawn: Units, _seed: int) -> Estimate:
    return rank_shift(measurements_of(drawn, "before"), measurements_of(drawn, "after"))


def _pooled_medians(drawn: Units, seed: int) -> Estimate:
    before, after = measurements_of(drawn, "before"), measurements_of(drawn, "after")
    return median_difference(before, after, seed=seed)


def _treated_only(drawn: Units, _seed: int) -> Estimate:
    """The changes of the treated by themselves, without anybody to compare with."""
    changes = [unit.change or 0.0 for unit in levels_of(drawn) if unit.treated]
    test = numerics.stats.ttest_1samp(changes, 0.0)
    limits = test.confidence_interval(0.95)
    return Estimate(
        scale=Scale.DIFFERENCE,
        effect=float(np.mean(changes)),
        interval=Interval(float(limits.low), float(limits.high), 0.95, "t"),
        p_value=float(test.pvalue),
        method="treated_only/1",
        n={"treated": len(changes)},
    )


def _noise(mean: float, likeness: float) -> Noise:
    """Of counts whose level wanders by `SPREAD`."""
    return Noise(1 + mean * math.expm1(SPREAD**2), likeness, is_plain=False)


def _ratio(mean: float, noise: Noise | None = None) -> Callable[[], float | None]:
    return lambda: weekly_smallest(mean, SIDES, is_increase=True, noise=noise, runs=PRECISE)


def _of_counts() -> Iterator[Story]:
    def story(name: str, draw: Draw, effect: Callable[[], float | None]) -> Story:
        return Story(
            method=Method.WEEKLY_RATIO,
            name=name,
            draw=draw,
            blind=_totals,
            effect=effect,
            is_promised=name != BAD_MONTH,
        )

    yield story("Poisson", counts(8), _ratio(8))
    yield story("small n", counts(1.5), _ratio(1.5))
    yield story("overdispersed", overdispersed(20, 3), _ratio(20, Noise(3, 0, is_plain=False)))
    for likeness in (0.4, 0.6):
        yield story(
            f"weeks alike, {likeness}",
            counts(20, likeness=likeness, spread=SPREAD),
            _ratio(20, _noise(20, likeness)),
        )
    yield story(BAD_MONTH, bad_month_counts(8), _ratio(8))


def _of_series() -> Iterator[Story]:
    def step(mean: float, noise: Noise | None = None) -> Callable[[], float | None]:
        weeks = [0] * 2 * LONGER
        design = Series(counts=weeks, exposure=[1.0] * len(weeks), launch=LONGER)
        return lambda: alike_smallest_step(mean, design, is_increase=True, noise=noise)

    def story(name: str, draw: Draw, effect: Callable[[], float | None]) -> Story:
        return Story(
            method=Method.INTERRUPTED_SERIES,
            name=name,
            draw=draw,
            blind=_bare,
            effect=effect,
            is_promised=name != BAD_MONTH,
        )

    yield story("trend", counts(25, weeks=LONGER, trend=0.02), step(25))
    yield story("small n", counts(3, weeks=LONGER), step(3))
    yield story(
        "overdispersed",
        overdispersed(25, 3, weeks=LONGER),
        step(25, Noise(3, 0, is_plain=False)),
    )
    for likeness in (0.4, 0.6):
        yield story(
            f"weeks alike, {likeness}",
            counts(25, weeks=LONGER, likeness=likeness, spread=SPREAD),
            step(25, _noise(25, likeness)),
        )
    yield story(BAD_MONTH, bad_month_counts(25, weeks=LONGER), step(25))


def _of_measurements(
    method: Method, cost: float, blind: Callable[[Units, int], Estimate]
) -> Iterator[Story]:
    def story(
        name: str,
        draw: Draw,
        *,
        a_week: int = A_WEEK,
        noise: Noise = PLAIN,
        is_promised: bool = True,
    ) -> Story:
        # What the weeks have in common is a part of the spread of the pooled measurements.
        spread = 10 * cost * math.sqrt(noise.dispersion)
        return Story(
            method=method,
            name=name,
            draw=draw,
            blind=blind,
            effect=lambda: smallest_shift(a_week, SIDES, spread, noise=noise),
            is_promised=is_promised,
        )

    yield story("normal", measurements())
    yield story("small n", measurements(a_week=1), a_week=1)
    yield story("skewed", measurements(skewed=True), is_promised=False)
    yield story(
        "overdispersed",
        measurements(spread=COMMON),
        noise=Noise(1 + COMMON**2, 0, is_plain=False),
        is_promised=method is Method.RANK_SHIFT,
    )
    for likeness in (0.4, 0.6):
        yield story(
            f"weeks alike, {likeness}",
            measurements(spread=COMMON, likeness=likeness),
            noise=Noise(1 + COMMON**2, likeness, is_plain=False),
            is_promised=method is Method.RANK_SHIFT,
        )
    yield story(BAD_MONTH, bad_month_measurements(), is_promised=False)


def _of_units(method: Method, size: int) -> Iterator[Story]:
    def promised(noise: float) -> Callable[[], float | None]:
        half = (size // 2, size // 2)
        error, own = noise / math.sqrt(WEEKS), 1.0
        if method is Method.CUPED:
            before = 15.0**2 + error**2
            after = before + own**2
            explained = (15.0**2) ** 2 / (before * after)
            return lambda: smallest_difference(half, math.sqrt(after), explained=explained)
        return lambda: smallest_difference(half, math.sqrt(2 * error**2 + own**2))

    def story(name: str, draw: Draw, noise: float = 4.0, *, is_promised: bool = True) -> Story:
        return Story(
            method=method,
            name=name,
            draw=draw,
            blind=_treated_only,
            effect=promised(noise),
            is_promised=is_promised,
        )

    yield story("units", units(size))
    yield story("small n", units(8), is_promised=False)
    yield story("overdispersed", units(size, noise=8.0, skewed=True), 8.0)
    yield story("weeks alike, 0.6", units(size, likeness=0.6), is_promised=False)
    yield story(BAD_MONTH, units(size, after_a_bad_month=True))


def stories() -> list[Story]:
    """All of them, method by method."""
    return [
        *_of_counts(),
        *_of_series(),
        *_of_measurements(Method.RANK_SHIFT, RANK_COST, _pooled_ranks),
        *_of_measurements(Method.MEDIAN_DIFFERENCE, MEDIAN_COST, _pooled_medians),
        *_of_units(Method.PAIRED_CHANGES, 24),
        *_of_units(Method.PERMUTED_CHANGES, 10),
        *_of_units(Method.CUPED, 24),
    ]


def calibrate(
    story: Story, *, runs: int, seed: int, told: Callable[[int, int], None] = lambda done, of: None
) -> Tally:
    """Carry a story out so many times with an effect of nothing and so many times with a real one.

    `told(done, of)` is called before each of them.

    `supported` is the whole interval above the null: the wanted half of a two-sided test. Roll-outs
    that gave no interval count as not found; intervals are judged among those that there are.

    Raises:
        ValueError: the method promises no effect for this story.
    """
    truth = story.effect()
    if truth is None:
        raise ValueError(f"{story.method}, {story.name}: no effect is promised")
    rng = np.random.default_rng(seed)
    false = blind = evaluated = covered = found = 0
    for run in range(runs):
        told(run, runs)
        nothing = story.draw(rng, story.null)
        false += _is_above(_registered(story), nothing.units, run, story.null)
        blind += _is_above(story.blind, nothing.naive, run, story.null)
        real = story.draw(rng, truth)
        try:
            interval = _registered(story)(real.units, run).interval
        except NotEvaluableError:
            continue
        evaluated += 1
        covered += not interval.excludes(truth)
        found += interval.low > story.null
    return Tally(
        story.method.value, story.name, runs, evaluated, covered, false, blind, found, truth,
        story.is_promised,
    )  # fmt: skip


def _registered(story: Story) -> Callable[[Units, int], Estimate]:
    return lambda drawn, seed: estimate(drawn, Setting(method=story.method, seed=seed))


def _is_above(
    judge: Callable[[Units, int], Estimate], drawn: Units, seed: int, null: float
) -> bool:
    try:
        return judge(drawn, seed).interval.low > null
    except NotEvaluableError:
        return False


def calibrations(*, runs: int, seed: int) -> Iterator[Tally]:
    """Every story, one after the other."""
    for story in stories():
        yield calibrate(story, runs=runs, seed=seed)
