"""Roll-outs that never were, and some that were: how often each method is right.

A small run by default; two thousand of each with `quickstart.py prove simulations`.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest

from adoption.validation.calibration import Story, calibrate, stories
from adoption.validation.differences import Unit, paired_changes
from adoption.validation.methods import Method
from adoption.validation.power import power_of_ratio, smallest_increase
from adoption.validation.rates import Rate, pearson_dispersion, rate_ratio
from adoption.validation.results import Estimate
from adoption.validation.rollouts import counts
from adoption.validation.series import Series, interrupted_series, smallest_step
from adoption.validation.verdict import Direction, Question, Verdict, judge
from tests.plugins.proofs import Figures
from tests.plugins.sweeping import examples, sampled

WEEKS = 12
QUESTION = Question(direction=Direction.INCREASE, interest=1.05)
Weeks = np.ndarray
Rollout = Callable[[np.random.Generator, float], tuple[Weeks, Weeks]]


def poisson(rng: np.random.Generator, ratio: float) -> tuple[Weeks, Weeks]:
    return rng.poisson(8, WEEKS), rng.poisson(8 * ratio, WEEKS)


def few(rng: np.random.Generator, ratio: float) -> tuple[Weeks, Weeks]:
    return rng.poisson(1.5, WEEKS), rng.poisson(1.5 * ratio, WEEKS)


def overdispersed(rng: np.random.Generator, ratio: float) -> tuple[Weeks, Weeks]:
    """Negative binomial with a variance of three times the mean."""

    def weeks(mean: float) -> Weeks:
        return rng.negative_binomial(mean / 2, 1 / 3, WEEKS)

    return weeks(20), weeks(20 * ratio)


def supported(found: Estimate) -> bool:
    return judge(QUESTION, found).verdict == Verdict.SUPPORTED


def by_score(before: Weeks, after: Weeks) -> Estimate:
    return rate_ratio(Rate(int(before.sum()), WEEKS), Rate(int(after.sum()), WEEKS), method="score")


def by_protocol(before: Weeks, after: Weeks) -> Estimate:
    """As registered: exact for few events, and as wide as the weeks are noisy."""
    dispersion = pearson_dispersion(before.tolist(), after.tolist())
    noisy = dispersion > 1.5
    return rate_ratio(
        Rate(int(before.sum()), WEEKS),
        Rate(int(after.sum()), WEEKS),
        dispersion=dispersion if noisy else 1.0,
    )


def share(
    number: int, rollout: Rollout, method: Callable[[Weeks, Weeks], Estimate], ratio: float = 1.0
) -> float:
    rng = np.random.default_rng(20261128)
    return sum(supported(method(*rollout(rng, ratio))) for _ in range(number)) / number


def tolerance(number: int, level: float = 0.05) -> float:
    """Three standard errors of a share found in so many simulations."""
    return 3 * math.sqrt(level * (1 - level) / number)


@pytest.fixture
def number() -> int:
    return examples(30)


# One-sided in effect: a false `supported` needs the wanted half of a two-sided 5 %.
@pytest.mark.parametrize("rollout", [poisson, few, overdispersed])
def test_nothing_is_called_something_no_more_often_than_promised(
    rollout: Rollout, number: int
) -> None:
    assert share(number, rollout, by_protocol) <= 0.05 + tolerance(number)


def test_without_the_dispersion_noise_is_taken_for_effects(number: int) -> None:
    blind = share(number, overdispersed, by_score)
    careful = share(number, overdispersed, by_protocol)
    assert blind > 0.08 > careful


def test_launching_after_the_worst_month_makes_an_effect_of_nothing(number: int) -> None:
    """A13: regression to the mean, and that leaving the trigger month out cures it."""
    number = max(number, 120)  # with fewer, chance alone could make as many
    rng = np.random.default_rng(13)
    naive = honest = 0
    for _ in range(number):
        months = rng.poisson(40, 24)
        trough = int(months[6:18].argmin()) + 6
        after = months[trough + 1 : trough + 5]
        naive += supported(_months(months[trough : trough + 1], after))
        honest += supported(_months(months[trough - 5 : trough], after))
    assert naive / number > 0.05 + tolerance(number)
    assert honest / number <= 0.05 + tolerance(number)


def _months(before: Weeks, after: Weeks) -> Estimate:
    return rate_ratio(Rate(int(before.sum()), len(before)), Rate(int(after.sum()), len(after)))


def test_a_trend_is_no_effect_for_the_series_and_one_for_the_bare_comparison(number: int) -> None:
    rng = np.random.default_rng(7)
    few_runs = number
    by_series = bare = 0
    for _ in range(few_runs):
        counts = rng.poisson(20 * np.exp(0.02 * np.arange(36)))
        series = Series(counts=counts.tolist(), exposure=[1.0] * 36, launch=18)
        by_series += supported(interrupted_series(series))
        bare += supported(_months(counts[:18], counts[18:]))
    assert by_series / few_runs <= 0.05 + tolerance(few_runs)
    assert bare / few_runs > 0.8


def test_units_with_their_own_levels_are_judged_by_their_changes(number: int) -> None:
    rng = np.random.default_rng(5)
    wrong = covered = 0
    for effect in (0.0, 2.0):
        for _ in range(number):
            level = rng.normal(40, 15, 24)
            after = level + rng.normal(1, 2, 24)
            units = [
                Unit(str(k), k < 12, float(level[k]), float(after[k] + effect * (k < 12)))
                for k in range(24)
            ]
            found = paired_changes(units)
            wrong += effect == 0.0 and found.interval.low > 0
            covered += effect == 2.0 and not found.interval.excludes(2.0)
    assert wrong / number <= 0.05 + tolerance(number)
    assert abs(covered / number - 0.95) <= 0.02 + tolerance(number)


@pytest.mark.parametrize("rollout", [poisson, overdispersed])
def test_intervals_hold_the_truth_as_often_as_they_say(rollout: Rollout, number: int) -> None:
    rng = np.random.default_rng(95)
    truth = 1.4
    held = sum(
        not by_protocol(*rollout(rng, truth)).interval.excludes(truth) for _ in range(number)
    )
    assert 0.93 - tolerance(number) <= held / number <= 0.97 + tolerance(number)


def test_an_effect_as_large_as_promised_is_found_as_often_as_promised(number: int) -> None:
    ratio = smallest_increase(8 * WEEKS)
    assert ratio is not None
    found = share(number, poisson, by_score, ratio)
    assert found == pytest.approx(0.8, abs=0.03 + tolerance(number, 0.8))
    assert power_of_ratio(ratio, 8 * WEEKS) == pytest.approx(0.8, abs=0.002)


def test_a_step_as_large_as_promised_is_found_by_the_series(number: int) -> None:
    rng = np.random.default_rng(3)
    runs = 100
    design = Series(counts=[0] * 36, exposure=[1.0] * 36, launch=18)
    step = smallest_step(25.0, design)
    assert step is not None
    found = 0
    for _ in range(runs):
        rates = 25.0 * np.where(np.arange(36) >= 18, step, 1.0)
        series = Series(counts=rng.poisson(rates).tolist(), exposure=[1.0] * 36, launch=18)
        found += supported(interrupted_series(series))
    # More than promised, for more events than expected come after a real step.
    assert 0.77 - tolerance(runs, 0.8) <= found / runs <= 0.93


OTHERS = {"trend", "units", "normal", "weeks alike, 0.6"}
SHORT = [
    story
    for story in stories()
    if story.method != Method.MEDIAN_DIFFERENCE
    and (story.method == Method.WEEKLY_RATIO or story.name in OTHERS)
]
# Each method once; two thousand of every story are a proof.
USUAL = [
    story
    for story in SHORT
    if story.name == "overdispersed" or story.name in OTHERS - {"weeks alike, 0.6"}
]


@pytest.mark.parametrize(
    "story",
    sampled(SHORT, *USUAL),
    ids=lambda story: f"{story.method}-{story.name}",
)
def test_each_story_keeps_what_the_protocol_promises(story: Story) -> None:
    runs = examples(20)
    tally = calibrate(story, runs=runs, seed=20261128)
    assert tally.false_supported / runs <= 0.05 + tolerance(runs)
    assert tally.covered / tally.evaluated >= 0.93 - tolerance(runs)
    if tally.is_promised:
        assert tally.found / runs >= 0.77 - tolerance(runs, 0.8)


def test_without_the_likeness_of_weeks_the_same_check_goes_red() -> None:
    """The proof can fail: Poisson's interval on weeks that wander holds the truth too seldom."""
    rng = np.random.default_rng(1)
    draw = counts(20, likeness=0.6, spread=0.3)
    runs, held = 200, 0
    for _ in range(runs):
        drawn = draw(rng, 1.0).units
        sides = [[week.events or 0 for week in drawn[0].before]]
        sides += [[week.events or 0 for week in drawn[0].after]]
        before, after = (Rate(sum(side), len(side)) for side in sides)
        held += not rate_ratio(before, after).interval.excludes(1.0)
    assert held / runs < 0.93 - tolerance(runs)


def bounds(number: int, low: float, high: float) -> tuple[int, int]:
    """The fewest and the most of so many whose share is between two, chance allowed for."""
    return (
        math.floor((low - tolerance(number, low)) * number),
        math.ceil((high + tolerance(number, high)) * number),
    )


def hold_between(figures: Figures, told: str, found: int, of: int, low: float, high: float) -> None:
    least, most = bounds(of, low, high)
    figures(f"of {of}: {told}", found, least)
    figures(f"of {of}: {told}, and not more", found, most, at_most=True)


@pytest.mark.prove("two thousand roll-outs of nothing and of a real effect", engine="sqlite")
@pytest.mark.parametrize("story", stories(), ids=lambda story: f"{story.method}-{story.name}")
def test_two_thousand_rollouts_of_each_kind(story: Story, figures: Figures) -> None:
    """False `supported` with the protocol and without; coverage and power of a real effect."""
    number = figures.scaled(2_000)
    tally = calibrate(story, runs=number, seed=figures.seed)
    told = f"{story.method}, {story.name}"
    most = math.ceil((0.05 + tolerance(number)) * number)
    figures(f"{told}: false supported", tally.false_supported, most, at_most=True)
    figures(f"{told}: the same without the protocol", tally.false_without_protocol, 0)
    # An interval may be too careful for one kind of weeks; over all kinds it may not, see below.
    least = bounds(tally.evaluated, 0.93, 0.97)[0]
    figures(f"{told}: of {tally.evaluated} intervals hold the truth", tally.covered, least)
    if tally.is_promised:
        least = bounds(number, 0.77, 0.83)[0]
        figures(f"{told}: effects of {tally.effect:.4g} found", tally.found, least)


@pytest.mark.prove("two thousand roll-outs by each method", engine="sqlite")
@pytest.mark.parametrize("method", Method)
def test_two_thousand_rollouts_by_each_method(method: Method, figures: Figures) -> None:
    """Over all kinds of weeks together, each as often as the others."""
    mine = [story for story in stories() if story.method is method]
    each = math.ceil(figures.scaled(2_000) / len(mine))
    tallies = [calibrate(story, runs=each, seed=figures.seed) for story in mine]
    number = each * len(mine)
    false = sum(tally.false_supported for tally in tallies)
    blind = sum(tally.false_without_protocol for tally in tallies)
    most = math.ceil((0.05 + tolerance(number)) * number)
    figures(f"of {number}: {method}, false supported", false, most, at_most=True)
    figures(f"of {number}: {method}, the same without the protocol", blind, false)
    held = sum(tally.covered for tally in tallies)
    evaluated = sum(tally.evaluated for tally in tallies)
    hold_between(figures, f"{method}, intervals hold the truth", held, evaluated, 0.93, 0.97)
    promised = [tally for tally in tallies if tally.is_promised]
    found = sum(tally.found for tally in promised)
    hold_between(
        figures, f"{method}, promised effects found", found, each * len(promised), 0.77, 0.83
    )


@pytest.mark.parametrize("number", [100, 2_000])
def test_what_counts_as_between_leaves_room_for_chance_and_no_more(number: int) -> None:
    least, most = bounds(number, 0.93, 0.97)
    assert least / number == pytest.approx(0.93 - 3 * math.sqrt(0.93 * 0.07 / number), abs=0.01)
    assert most / number == pytest.approx(0.97 + 3 * math.sqrt(0.97 * 0.03 / number), abs=0.01)
    if number == 2_000:
        assert (least, most) == (1825, 1963)
