"""What could be seen at all: published power, both roots of a decrease, and plain words."""

from __future__ import annotations

import math

import pytest
from statsmodels.stats.power import TTestIndPower
from statsmodels.stats.rates import power_equivalence_neginb_2indep, power_poisson_ratio_2indep

from adoption.validation.power import (
    plain_words,
    power_of_ratio,
    smallest_decrease,
    smallest_difference,
    smallest_increase,
    weeks_needed,
)

EVENTS = (10, 20, 30, 50, 100, 200, 400, 1000)


@pytest.mark.parametrize(
    ("events", "ratio"),
    list(zip(EVENTS, (2.806092269, 2.136238794, 1.883070312, 1.652014626, 1.440055678, 1.301397590,
                 1.208482459, 1.129358813), strict=True)),
)  # fmt: skip
def test_the_smallest_increase(events: int, ratio: float) -> None:
    assert smallest_increase(events) == pytest.approx(ratio, abs=1e-6)
    # Counts twice as noisy are worth half as many.
    assert smallest_increase(2 * events, dispersion=2) == pytest.approx(ratio, abs=1e-6)
    assert power_of_ratio(ratio, events) == pytest.approx(0.8, abs=1e-3)


@pytest.mark.parametrize(
    ("events", "ratio"),
    list(zip(EVENTS, (None, 0.24, 0.38, 0.50, 0.64, 0.74, 0.81, 0.88), strict=True)),
)
def test_the_smallest_decrease_is_the_root_nearest_to_one(events: int, ratio: float | None) -> None:
    found = smallest_decrease(events)
    assert found is None if ratio is None else found == pytest.approx(ratio, abs=5e-3)


def test_the_other_root_of_a_decrease_is_not_taken() -> None:
    found = smallest_decrease(20)
    assert found is not None
    assert found == pytest.approx(0.2418, abs=1e-4)  # the other one is 0.038
    assert power_of_ratio(found, 20) > power_of_ratio(0.03, 20)


@pytest.mark.parametrize(("rate", "weeks"), [(2.5, (10, 32, 81, 174)), (10, (3, 8, 21, 44))])
def test_weeks_needed(rate: float, weeks: tuple[int, ...]) -> None:
    assert tuple(weeks_needed(ratio, rate) for ratio in (2.0, 1.5, 1.3, 1.2)) == weeks
    assert weeks_needed(1.0, rate) is None


@pytest.mark.parametrize(("ratio", "power"), [(1.25, 0.149139), (1.5, 0.405390), (2.0, 0.872833)])
def test_power_of_twelve_weeks_at_two_and_a_half_events(ratio: float, power: float) -> None:
    assert power_of_ratio(ratio, 30) == pytest.approx(power, abs=1e-6)


def test_g10_published_power_of_the_library() -> None:
    for rate, number, expected in (
        (1.8, 29, 0.90056), (1.9, 39, 0.90649), (2.2, 115, 0.90014), (2.4, 404, 0.90064),
    ):  # fmt: skip
        found = power_poisson_ratio_2indep(
            rate, 2.2, number, nobs_ratio=1, exposure=2.5, value=1.2,
            alpha=0.025, dispersion=1, alternative="smaller", return_results=False,
        )  # fmt: skip
        assert float(found) == pytest.approx(expected, abs=1e-5)
    equivalent = power_equivalence_neginb_2indep(
        2.5, 2.5, 965, 0.875, 1 / 0.875, nobs_ratio=1, exposure=0.9, alpha=0.05, dispersion=0.35
    )
    assert float(equivalent) == pytest.approx(0.90022, abs=1e-5)


def test_g10_a_half_deviation_needs_sixty_four_units_a_group() -> None:
    needed = TTestIndPower().solve_power(effect_size=0.5, alpha=0.05, power=0.8)
    assert needed == pytest.approx(63.7656, abs=1e-4)
    assert smallest_difference((64, 64), 1.0) == pytest.approx(0.499, abs=1e-3)
    raw, adjusted = (smallest_difference((64, 64), 1.0, explained=e) for e in (0.0, 0.75))
    assert raw is not None
    assert adjusted == pytest.approx(raw / 2 * math.sqrt(1 + 1 / 124))  # estimating costs as well
    assert smallest_difference((2, 2), 1.0, explained=0.5) is None
    assert smallest_difference((64, 1), 1.0) is None


def test_thirty_events_in_plain_words() -> None:
    words = plain_words(30, smallest_increase(30), smallest_decrease(30))
    assert "+88 % or more" in words
    assert "−62 % or more" in words
    assert "no decrease." in plain_words(10, smallest_increase(10), smallest_decrease(10))
    assert "sixtyfold" in plain_words(0, smallest_increase(0), smallest_decrease(0))
