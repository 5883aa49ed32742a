"""Weeks that are noisy and alike: what is seen of them, and what it costs."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adoption.validation.likeness import (
    COUNTS,
    EXCESS,
    FAR,
    LIKENESS,
    MEASUREMENTS,
    SERIES,
    Mixture,
    Noise,
    frame,
    mixture,
    two_sides,
    weights_of,
)
from adoption.validation.measured import errors_needed, measured_noise, widening
from adoption.validation.series import Series, interrupted_series
from adoption.validation.trends import alike_series, alike_smallest_step, noise_around
from adoption.validation.weekly import noise_of, weekly_power, weekly_ratio, weekly_smallest

WANDERING = Noise(3.0, 0.6, is_plain=False)
weeks = st.lists(st.integers(0, 60), min_size=12, max_size=12)


def test_what_is_known_beforehand_is_a_distribution_that_reaches_far() -> None:
    for prior in (COUNTS, SERIES, MEASUREMENTS):
        assert sum(prior.likeness) == pytest.approx(1)
        told = prior.weights(is_whole=False)
        whole = prior.weights(is_whole=True)
        assert whole.sum(axis=1) == pytest.approx(told.sum(axis=1))  # moved, not lost
        assert (whole[1:] == told[1:]).all()
        assert not whole[0, 1:].any()
    assert LIKENESS[0] == EXCESS[0] == 0
    assert EXCESS[-1] > 500_000
    assert all(np.diff(EXCESS) > 0)


def test_independent_noise_gives_students_interval() -> None:
    """With likeness 0 alone and much noise, the mixture is Student's t, as it must be."""
    rng = np.random.default_rng(2)
    residuals = 10 * rng.normal(size=(1, 24))
    for side in (slice(0, 12), slice(12, 24)):
        residuals[:, side] -= residuals[:, side].mean()
    seen = two_sides(12, 12)
    weights = weights_of(residuals, seen, COUNTS)[:, :1]
    weights = weights / weights.sum()
    contrast = np.repeat([-1 / 12, 1 / 12], 12)
    chance = float(contrast @ contrast)
    found = mixture(weights, np.array([chance]), np.array([[chance]])).reach(0.05)[0]
    pooled = math.sqrt((residuals**2).sum() / 22 * chance)
    assert found == pytest.approx(2.0739 * pooled, rel=0.03)


def test_the_excess_of_alike_weeks_adds_up() -> None:
    total = two_sides(12, 1).excess_of(np.array([1 / 12] * 12 + [0.0]))
    for likeness, variance in zip(LIKENESS, total, strict=True):
        expected = sum(
            (likeness ** abs(i - j) if likeness or i != j else 1.0) if i != j else 1.0
            for i in range(12)
            for j in range(12)
        )
        assert variance == pytest.approx(expected / 144)
    assert two_sides(12, 12).freedom == 22
    hole = frame(np.array([0, 1, 9]), np.ones((3, 1)), np.ones(3))
    assert hole.kinship[2, 1, 2] == pytest.approx(0.6**8)
    assert hole.kinship[2, 0, 1] == pytest.approx(0.6)
    assert FAR > 104


def test_a_reach_leaves_alpha_outside() -> None:
    weights = np.array([[0.5, 0.3, 0.2]])
    error = Mixture(weights, np.array([[1.0, 2.0, 5.0]]))
    for alpha in (0.01, 0.05, 0.1, 0.5):
        reach = error.reach(alpha)
        assert 2 * error.above(reach)[0] == pytest.approx(alpha, rel=1e-9)
    plain = Mixture(np.array([[1.0]]), np.array([[2.0]]))
    assert plain.reach(0.05)[0] == pytest.approx(2 * 1.959963984540054)


@settings(max_examples=40, deadline=None)
@given(weeks, weeks)
def test_no_interval_is_narrower_than_by_chance(before: list[int], after: list[int]) -> None:
    if not sum(before) or not sum(after):
        return
    found = weekly_ratio(before, after)
    if found.method != "weekly_ratio.alike/2":
        return
    error = math.sqrt(1 / sum(before) + 1 / sum(after))
    assert found.interval.high >= found.effect * math.exp(1.959 * error)
    turned = weekly_ratio(after, before)
    assert turned.interval.low == pytest.approx(1 / found.interval.high, rel=1e-9)


def test_weeks_that_follow_each_other_cost_more_than_the_same_weeks_shuffled() -> None:
    wave = [4, 5, 6, 9, 14, 18, 20, 18, 15, 10, 6, 4]
    shuffled = [4, 18, 5, 15, 6, 20, 4, 18, 10, 6, 14, 9]
    assert sorted(wave) == sorted(shuffled)
    waved, mixed = (weekly_ratio(side, [2 * n for n in side]) for side in (wave, shuffled))
    assert waved.interval.low < mixed.interval.low
    assert waved.details["likeness"] > 0.4 > mixed.details["likeness"]
    assert "autocorrelation" in waved.warnings


def test_quiet_weeks_are_plain_and_an_empty_side_has_no_noise() -> None:
    assert noise_of([2] * 12, [3] * 12).is_plain
    assert noise_of([5], []).is_plain
    noisy = noise_of([0, 20, 1, 18, 0, 22, 2, 19], [])
    assert noisy.dispersion > 4
    assert noisy.likeness < 0.3
    assert noisy.factor >= noisy.dispersion


def test_promises_pay_for_likeness() -> None:
    bare, wandering = (
        weekly_smallest(20, (12, 12), is_increase=True, noise=each) for each in (None, WANDERING)
    )
    assert bare is not None
    assert wandering is not None
    assert bare < 1.35 < 2 < wandering
    fewer = weekly_smallest(20, (12, 12), is_increase=False, noise=WANDERING)
    assert fewer is not None
    assert fewer < 0.6
    assert weekly_power(wandering, 20, (12, 12), noise=WANDERING, seed=4) == pytest.approx(
        0.8, abs=0.05
    )


def test_a_registered_series_keeps_the_step_and_widens_its_interval() -> None:
    level = [1.0, 1.2, 1.5, 1.6, 1.4, 1.1, 0.8, 0.7, 0.6, 0.8, 1.0, 1.3]
    counts = [round(30 * each) for each in [*level, *level[:8], *level, *level[:8]]]
    series = Series(counts=counts, exposure=[1.0] * 40, launch=20, gap=2)
    found, published = alike_series(series), interrupted_series(series)
    assert found.effect == published.effect
    assert found.interval.low < published.interval.low
    assert found.interval.high > published.interval.high
    assert found.details["independent_low"] == published.interval.low
    assert found.details["likeness"] > 0.4
    assert noise_around(series).dispersion > 2


def test_a_step_that_is_promised_grows_with_noise_and_has_both_directions() -> None:
    design = Series(counts=[0] * 36, exposure=[1.0] * 36, launch=18)
    more, less = (alike_smallest_step(25, design, is_increase=each) for each in (True, False))
    noisy = alike_smallest_step(25, design, is_increase=True, noise=WANDERING)
    assert more is not None
    assert less is not None
    assert noisy is not None
    assert 0.5 < less < 0.8 < 1.3 < more < 1.6 < noisy
    assert alike_smallest_step(0, design, is_increase=True) is None


def measured(rng: np.random.Generator, common: float) -> list[list[float]]:
    level = np.cumsum(rng.normal(size=12)) * common
    return [(40 + each + 10 * rng.normal(size=5)).tolist() for each in level]


def test_measurements_that_share_their_week_count_for_less() -> None:
    rng = np.random.default_rng(8)
    apart = widening(measured(rng, 0), measured(rng, 0))
    shared = widening(measured(rng, 6), measured(rng, 6))
    assert apart[0] < 1.4
    assert shared[0] > 1.5
    assert shared[1].likeness > 0.4
    assert widening([[1.0, 2.0], []], [[3.0]]) == (1.0, Noise(1.0, 0.0, is_plain=True))
    assert widening([[1.0]] * 6, [[1.0]] * 6)[0] == 1.0
    assert measured_noise(measured(rng, 6)).dispersion > 1
    assert measured_noise([[1.0]]).is_plain


def test_of_one_measurement_a_week_independent_noise_widens_nothing() -> None:
    """What a week has of its own is in the spread of the measurements already; only likeness is
    not, and it still counts."""
    times: dict[str, list[float]] = {"alike": [], "shuffled": []}
    for seed in range(8):
        rng = np.random.default_rng(seed)
        wave = np.cumsum(rng.normal(size=24))
        for name, weeks_ in (("alike", wave), ("shuffled", rng.permutation(wave))):
            sides = ([[float(each)] for each in side] for side in (weeks_[:12], weeks_[12:]))
            times[name].append(widening(*sides)[0])
    assert np.median(times["shuffled"]) < 1.1
    assert np.median(times["alike"]) > 1.7
    seen = two_sides(12, 12)
    noise = 3 * np.random.default_rng(8).normal(size=(50, 24))
    for side in (slice(0, 12), slice(12, 24)):
        noise[:, side] -= noise[:, side].mean(axis=1, keepdims=True)
    noise /= np.sqrt((noise**2).sum(axis=1, keepdims=True) / 22)
    known = weights_of(noise, seen, MEASUREMENTS, is_whole=True)
    contrast = np.repeat([-1 / 12, 1 / 12], 12)
    chance, excess = float(contrast @ contrast), seen.excess_of(contrast)[None, :]
    found = mixture(known[:, :1] / known[:, :1].sum(axis=2, keepdims=True), np.full(50, chance),
                    excess[:, :1], is_whole=True)  # fmt: skip
    assert found.reach(0.05) == pytest.approx(1.959964 * math.sqrt(chance), rel=1e-5)


def test_the_errors_that_an_effect_needs() -> None:
    quiet = errors_needed((12, 12), 5, Noise(1.0, 0.0, is_plain=True))
    shared = errors_needed((12, 12), 5, Noise(1.3, 0.6, is_plain=False))
    assert 2.8 < quiet < 3.4
    assert shared > 1.5 * quiet
