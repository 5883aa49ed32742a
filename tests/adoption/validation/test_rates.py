"""Rate ratios against published numbers (Gu et al. 2008, R, scipy), and their edges."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import poisson_means_test
from statsmodels.stats.rates import confint_poisson
from statsmodels.stats.rates import test_poisson_2indep as poisson_test

from adoption.validation.rates import (
    Rate,
    equivalence_p,
    pearson_dispersion,
    rate_interval,
    rate_ratio,
)
from adoption.validation.results import NotEvaluableError

BEFORE, AFTER = Rate(30, 54308.7), Rate(60, 51477.5)  # Gu et al. 2008, first example
EXACT = 1e-6


@pytest.mark.parametrize(
    ("method", "low", "high", "p_value"),
    [
        ("score", 1.3659624311981189, 3.2593061483872248, 0.0006322188820470972),
        ("log_wald", 1.3612801263025065, 3.2705169691290763, 0.0008399438093390379),
        ("exact", 1.3397357217716694, 3.3883655736243234, 0.0006751826586863219),
    ],
)
def test_g1_the_first_example_of_gu(method: str, low: float, high: float, p_value: float) -> None:
    found = rate_ratio(BEFORE, AFTER, method=method)
    assert found.effect == pytest.approx(2.10999757175465, abs=EXACT)
    assert (found.interval.low, found.interval.high) == pytest.approx((low, high), abs=EXACT)
    assert found.p_value == pytest.approx(p_value, abs=EXACT)


def test_g1_at_the_exact_limits_equivalence_is_just_reached() -> None:
    limits = rate_ratio(BEFORE, AFTER, method="exact").interval
    p_value = equivalence_p(BEFORE, AFTER, limits.low, limits.high, exact=True)
    assert p_value == pytest.approx(0.025, abs=EXACT)


@pytest.mark.parametrize(
    ("method", "p_value"),
    [("wald", 0.2309), ("score", 0.2398), ("sqrt", 0.2499), ("exact-cond", 0.2913),
     ("cond-midp", 0.2450), ("etest", 0.2453)],
)  # fmt: skip
def test_g2_the_second_example_of_gu_says_what_the_library_does(
    method: str, p_value: float
) -> None:
    found = poisson_test(41, 28_010, 15, 19_017, value=1.5, method=method, alternative="larger")
    assert found.pvalue == pytest.approx(p_value, abs=5e-4)


def test_g3_the_same_numbers_as_in_r() -> None:
    found = rate_ratio(Rate(21, 3011), Rate(11, 800), method="exact")
    assert found.effect == pytest.approx(1.9714880952380953, abs=EXACT)
    assert found.p_value == pytest.approx(0.0796686330333295, abs=EXACT)
    assert found.interval.low == pytest.approx(0.858426403391619, abs=EXACT)
    assert found.interval.high == pytest.approx(4.277265943654079, abs=EXACT)


def test_g3_one_rate_has_garwoods_interval() -> None:
    rate = Rate(137, 24.19893)
    assert rate.value == pytest.approx(5.661407343217241, abs=EXACT)
    found = rate_interval(rate)
    assert (found.low, found.high) == pytest.approx(
        (4.75312480484875, 6.692709334176073), abs=EXACT
    )
    library = confint_poisson(15, 400, method="exact-c")
    ours = rate_interval(Rate(15, 400))
    assert (ours.low, ours.high) == pytest.approx(library, abs=EXACT)
    assert ours.low == pytest.approx(0.02098846533195829, abs=EXACT)


def test_g4_a_difference_of_small_counts() -> None:
    found = poisson_means_test(0, 100, 3, 100)
    assert float(found.pvalue) == pytest.approx(0.08837900945483518, abs=1e-8)


@pytest.mark.parametrize(
    ("before", "after", "low", "high", "exact_low", "exact_high", "p_score", "p_exact"),
    [
        (24, 36, 0.8999145363, 2.5002374264, 0.8705764514, 2.6281629493, 0.121335, 0.155002),
        (24, 48, 1.2311271111, 3.2490552380, 1.2012074850, 3.4137750930, 0.0046777, 0.0063098),
        (240, 360, 1.2741964939, 1.7658186987, 1.2704257598, 1.7735923941, 9.634e-7, 1.0957e-6),
        (30, 31, 0.6287339560, 1.6982982559, 0.6050539277, 1.7670414646, 0.8981198, 1.0),
    ],
)
def test_g13_twelve_weeks_before_and_after(
    before: int, after: int, low: float, high: float, exact_low: float, exact_high: float,
    p_score: float, p_exact: float,
) -> None:  # fmt: skip
    score = rate_ratio(Rate(before, 84), Rate(after, 84), method="score")
    exact = rate_ratio(Rate(before, 84), Rate(after, 84), method="exact")
    assert (score.interval.low, score.interval.high) == pytest.approx((low, high), abs=EXACT)
    assert (exact.interval.low, exact.interval.high) == pytest.approx(
        (exact_low, exact_high), abs=EXACT
    )
    assert score.p_value == pytest.approx(p_score, rel=1e-3)
    assert exact.p_value == pytest.approx(p_exact, rel=1e-3)


def test_g13_a_large_p_is_no_evidence_of_no_effect() -> None:
    few = equivalence_p(Rate(30, 84), Rate(31, 84), 0.8, 1.25, exact=False)
    many = equivalence_p(Rate(1000, 84), Rate(1010, 84), 0.8, 1.25, exact=False)
    assert few == pytest.approx(0.228, abs=5e-4)
    assert many == pytest.approx(8.4e-7, rel=0.02)


def test_few_events_ask_for_the_exact_interval_and_noise_for_a_wider_one() -> None:
    assert rate_ratio(Rate(9, 1), Rate(40, 1)).interval.method == "exact"
    assert rate_ratio(Rate(10, 1), Rate(40, 1)).interval.method == "score"
    calm, noisy = (rate_ratio(Rate(40, 1), Rate(60, 1), dispersion=d) for d in (1.0, 4.0))
    assert noisy.interval.method == "log_wald"
    assert noisy.standard_error == pytest.approx(2 * math.sqrt(1 / 40 + 1 / 60))
    assert noisy.interval.low < calm.interval.low < calm.interval.high < noisy.interval.high
    with pytest.raises(ValueError, match="knows no dispersion"):
        rate_ratio(Rate(40, 1), Rate(60, 1), method="score", dispersion=2)


def test_a_baseline_without_events_has_no_ratio() -> None:
    with pytest.raises(NotEvaluableError, match="No event in the baseline"):
        rate_ratio(Rate(0, 10), Rate(5, 10))
    never_after = rate_ratio(Rate(20, 10), Rate(0, 10))
    assert (never_after.effect, never_after.interval.low) == (0.0, 0.0)
    assert never_after.interval.high < 0.3


def test_dispersion_is_pearsons_and_never_below_one() -> None:
    assert pearson_dispersion([5, 5, 5, 5], [5, 5, 5]) == 1.0
    assert pearson_dispersion([0, 20, 0, 20], [10, 10]) == pytest.approx(40 / 4)
    assert pearson_dispersion([7], [9]) == 1.0


counts = st.integers(1, 500)
exposures = st.floats(0.1, 1000)


@given(counts, exposures, counts, exposures)
def test_the_unit_of_exposure_makes_no_difference(
    first: int, exposed: float, second: int, later: float
) -> None:
    found = rate_ratio(Rate(first, exposed), Rate(second, later), method="exact")
    scaled = rate_ratio(Rate(first, exposed * 7), Rate(second, later * 7), method="exact")
    assert found.interval.low == pytest.approx(scaled.interval.low, rel=1e-9)
    assert found.interval.low <= found.effect <= found.interval.high


@given(counts, counts)
def test_looked_at_from_the_other_side_the_ratio_is_turned_over(first: int, second: int) -> None:
    one = rate_ratio(Rate(first, 3.0), Rate(second, 5.0), method="exact")
    other = rate_ratio(Rate(second, 5.0), Rate(first, 3.0), method="exact")
    assert one.effect * other.effect == pytest.approx(1, rel=1e-9)
    assert one.interval.low == pytest.approx(1 / other.interval.high, rel=1e-6)
    assert one.p_value == pytest.approx(other.p_value, abs=1e-9)
