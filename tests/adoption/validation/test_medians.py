"""Ranks, medians and their seeds; several metrics at once; who is missing."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import bootstrap, ttest_ind

from adoption.validation.medians import (
    _left_out,
    mean_difference,
    median_difference,
    rank_shift,
)
from adoption.validation.missing import Side, losses
from adoption.validation.multiplicity import benjamini_hochberg, holm
from adoption.validation.results import NotEvaluableError
from tests.plugins.sweeping import sampled

MALES, FEMALES = [19.0, 22, 16, 29, 24], [20.0, 11, 17, 12]


def test_g4_ranks_are_exact_and_the_registered_method_decides() -> None:
    found = rank_shift(FEMALES, MALES)
    assert found.details == {"u": 17.0, "is_exact": 1.0}
    assert found.p_value == pytest.approx(1 / 9, abs=1e-9)
    assert found.interval.low < 0 < found.interval.high  # inconclusive
    one_sided = ttest_ind(FEMALES, MALES, alternative="less")
    assert float(one_sided.statistic) == pytest.approx(-2.2393347, abs=1e-6)
    assert float(one_sided.pvalue) == pytest.approx(0.0300684, abs=1e-6)  # "significant"


def test_ties_and_many_values_use_the_normal_distribution() -> None:
    assert rank_shift([1.0, 2, 2, 3], [2.0, 3, 4, 5]).details["is_exact"] == 0
    many = rank_shift([float(n) for n in range(40)], [n + 5.5 for n in range(40)])
    assert many.details["is_exact"] == 0
    assert many.effect == pytest.approx(5.5)
    assert many.interval.low < 5.5 < many.interval.high


def test_too_few_values_have_an_infinite_interval_or_none() -> None:
    found = rank_shift([1.0, 2.0, 3.0], [4.0, 5.0, 6.0])
    assert found.interval.low == float("-inf")
    with pytest.raises(NotEvaluableError, match="2 values before"):
        rank_shift([1.0, 2.0], [3.0, 4.0, 5.0])


def test_a_bootstrap_with_the_same_seed_is_the_same_to_the_last_bit() -> None:
    waits = [1.0, 4, 2, 9, 30, 3, 5, 7, 2, 6], [1.0, 2, 1, 3, 5, 2, 4, 9, 1, 2]
    first, again, other = (median_difference(*waits, seed=seed) for seed in (5, 5, 6))
    assert first == again
    assert first.standard_error != other.standard_error
    assert first.effect == -2.5
    assert first.interval.low < first.effect <= first.interval.high
    assert mean_difference(*waits, seed=5).effect == pytest.approx(-3.9)


def test_values_that_are_all_alike_have_no_bootstrap() -> None:
    with pytest.raises(NotEvaluableError, match="no noise"):
        median_difference([1.0, 1, 1], [2.0, 2, 2], seed=1)


def test_a14_several_metrics_pay_for_being_several() -> None:
    assert holm([0.01, 0.02, 0.03, 0.04]) == pytest.approx([0.04, 0.06, 0.06, 0.06])
    assert benjamini_hochberg([0.01, 0.02, 0.03, 0.04]) == pytest.approx([0.04] * 4)
    assert holm([]) == []


@settings(max_examples=5)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=8))
def test_holm_never_makes_a_p_value_smaller_and_keeps_the_order(values: list[float]) -> None:
    adjusted = holm(values)
    assert all(after >= before for before, after in zip(values, adjusted, strict=True))
    by_value = [after for _, after in sorted(zip(values, adjusted, strict=True))]
    assert by_value == sorted(by_value)


def test_what_is_missing_is_said_and_too_much_of_it_forbids_an_estimate() -> None:
    fine = losses(Side(100), Side(100, opted_out=5))
    assert (fine.forbids, fine.warnings) == ("", ("missing_tasks",))
    unlike = losses(Side(200), Side(200, opted_out=10, vanished=15))
    assert unlike.warnings == ("missing_tasks", "unequal_losses")
    assert "40% of one side" in losses(Side(100), Side(100, opted_out=10, vanished=30)).forbids
    assert losses(Side(0), Side(0)).forbids
    assert losses(Side(0), Side(9)).before is None
    with pytest.raises(ValueError, match="no more can be lost"):
        Side(3, opted_out=4)


@pytest.mark.parametrize("sizes", sampled([(41, 36), (12, 60), (7, 8)], (12, 60)))
def test_medians_are_resampled_as_the_library_does_it(sizes: tuple[int, int]) -> None:
    """The same distribution and interval without drawing samples, up to the error of chance."""
    rng = np.random.default_rng(sum(sizes))
    before, after = rng.exponential(30, sizes[0]), rng.exponential(45, sizes[1])

    def statistic(second: np.ndarray, first: np.ndarray, axis: int = -1) -> np.ndarray:
        found: np.ndarray = np.median(second, axis=axis) - np.median(first, axis=axis)
        return found

    library = bootstrap(
        (after, before), statistic, n_resamples=9_999, method="BCa", rng=np.random.default_rng(4)
    )
    ours = median_difference(before.tolist(), after.tolist(), seed=4)
    spread = float(library.standard_error)
    assert ours.standard_error == pytest.approx(spread, rel=0.04)
    limits = library.confidence_interval
    assert ours.interval.low == pytest.approx(float(limits.low), abs=0.2 * spread)
    assert ours.interval.high == pytest.approx(float(limits.high), abs=0.2 * spread)


def test_medians_without_one_value_are_those_of_what_is_left() -> None:
    for size in (3, 4, 7, 8):
        values = np.random.default_rng(size).normal(size=size)
        ordered = np.sort(values)
        expected = [float(np.median(np.delete(ordered, place))) for place in range(size)]
        assert _left_out(values).tolist() == pytest.approx(expected)
