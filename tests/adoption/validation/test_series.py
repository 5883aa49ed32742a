"""The Sicilian smoking ban (Lopez Bernal et al. 2017): every number, and every trap."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import statsmodels.api as sm

from adoption.validation.placebo import in_time
from adoption.validation.results import NotEvaluableError
from adoption.validation.series import (
    Series,
    interrupted_series,
    naive_before_after,
    smallest_step,
)

EXACT = 1e-6


@pytest.fixture
def ban(golden: Callable[[str], Any]) -> Series:
    rows = golden("sicily.csv")
    return Series(
        counts=[int(row["aces"]) for row in rows],
        exposure=[float(row["stdpop"]) for row in rows],
        launch=36,
    )


def seasonal(series: Series, **more: Any) -> Series:
    return replace(series, season=12, harmonics=2, **more)


@pytest.mark.parametrize(
    ("season", "slope", "dispersed", "step", "error", "low", "high", "dispersion"),
    [
        (False, False, False, -0.11162844, 0.01722478, 0.86468639, 0.92508607, 1.0),
        (False, False, True, -0.11162844, 0.03249595, 0.83918901, 0.95319329, 3.5591868),
        (True, False, True, -0.12208679, 0.02703110, 0.83940097, 0.93322699, 2.2621826),
        (True, True, True, -0.13185917, 0.02979128, 0.82675324, 0.92916464, 2.2745583),
    ],
)
def test_g7_the_step_of_the_ban(
    ban: Series, season: bool, slope: bool, dispersed: bool, step: float, error: float,
    low: float, high: float, dispersion: float,
) -> None:  # fmt: skip
    series = seasonal(ban, slope=slope) if season else replace(ban, slope=slope)
    found = interrupted_series(series, quantiles="normal", dispersed=dispersed)
    assert math.log(found.effect) == pytest.approx(step, abs=EXACT)
    assert found.standard_error == pytest.approx(error, abs=EXACT)
    assert (found.interval.low, found.interval.high) == pytest.approx((low, high), abs=EXACT)
    assert found.dispersion == pytest.approx(dispersion, rel=1e-5)


def test_g7_the_slope_after_the_ban(ban: Series) -> None:
    found = interrupted_series(seasonal(ban, slope=True), quantiles="normal")
    assert found.details["b_slope"] == pytest.approx(0.0014822280, abs=EXACT)
    z = found.details["b_slope"] / found.details["se_slope"]
    assert math.erfc(abs(z) / math.sqrt(2)) == pytest.approx(0.424, abs=5e-4)


def test_g7_trap_ignoring_the_noise_halves_the_error(ban: Series) -> None:
    noisy, blind = (interrupted_series(ban, dispersed=d) for d in (True, False))
    assert noisy.standard_error is not None
    assert blind.standard_error is not None
    halved = noisy.standard_error / blind.standard_error
    assert halved == pytest.approx(math.sqrt(3.559187), rel=1e-5)


def test_g7_trap_a_slope_that_is_not_centred_moves_the_step(ban: Series) -> None:
    time = np.arange(1, 60, dtype=float)
    after = (time > 36).astype(float)
    season = [f(2 * math.pi * k * time / 12) for k in (1, 2) for f in (np.sin, np.cos)]
    design = np.column_stack([np.ones(59), time, after, after * time, *season])
    fitted = sm.GLM(
        np.asarray(ban.counts, dtype=float), design, family=sm.families.Poisson(),
        offset=np.log(np.asarray(ban.exposure)),
    ).fit(scale="X2")  # fmt: skip
    assert float(fitted.params[2]) == pytest.approx(-0.18521938, abs=EXACT)
    centred = interrupted_series(seasonal(ban, slope=True))
    assert centred.effect == pytest.approx(0.8764645, abs=EXACT)
    assert centred.dispersion == pytest.approx(float(fitted.scale), rel=1e-9)  # the same fit


def test_g7_trap_t_against_z(ban: Series) -> None:
    assert interrupted_series(ban).p_value == pytest.approx(0.001122135590673424, abs=EXACT)
    assert interrupted_series(ban, quantiles="normal").p_value == pytest.approx(
        0.0005922251258004155, abs=EXACT
    )
    assert interrupted_series(ban).details["degrees_of_freedom"] == 56
    by_t, by_z = interrupted_series(ban).interval, interrupted_series(ban, quantiles="normal")
    assert by_t.low < by_z.interval.low < by_z.interval.high < by_t.high


def test_g7_trap_what_is_left_is_correlated_and_said(ban: Series) -> None:
    assert "autocorrelation" in interrupted_series(seasonal(ban)).warnings


def test_g7_trap_the_bare_comparison_has_the_wrong_sign(ban: Series) -> None:
    naive = naive_before_after(ban)
    assert naive.effect == pytest.approx(1.033844425838461, abs=EXACT)
    assert (naive.interval.low, naive.interval.high) == pytest.approx(
        (1.0153352921557706, 1.0526909729536853), abs=EXACT
    )
    assert naive.interval.low > 1 > interrupted_series(seasonal(ban)).interval.high


def test_g7_a_ban_that_never_was_is_not_seen(ban: Series) -> None:
    found = in_time(seasonal(ban))
    assert found.passed
    assert found.estimate is not None
    assert found.estimate.effect == pytest.approx(1.0039605475315008, abs=EXACT)
    assert found.estimate.standard_error == pytest.approx(0.03716402367275186, abs=EXACT)


def test_too_short_or_empty_is_not_evaluable(ban: Series) -> None:
    short = replace(ban, counts=ban.counts[:40], exposure=ban.exposure[:40])
    with pytest.raises(NotEvaluableError, match="36 periods before the launch and 4 after"):
        interrupted_series(short)
    with pytest.raises(NotEvaluableError, match="Nothing happened"):
        interrupted_series(Series(counts=[0] * 12 + [1] * 12, exposure=[1.0] * 24, launch=12))
    young = replace(ban, counts=ban.counts[22:], exposure=ban.exposure[22:], launch=14)
    assert in_time(young).passed is None


def test_the_step_that_a_design_can_find_falls_with_events_and_grows_with_noise() -> None:
    design = Series(counts=[0] * 24, exposure=[1.0] * 24, launch=12)
    few, many = (smallest_step(rate, design) for rate in (2.5, 40))
    noisy = smallest_step(40, design, dispersion=3)
    assert few is not None
    assert many is not None
    assert noisy is not None
    assert few > noisy > many > 1
    assert smallest_step(0, design) is None
