"""Fast food in New Jersey, banks in Mississippi, developers at METR: every number and trap."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable
from statistics import mean, median, stdev

import numpy as np
import pytest
import statsmodels.api as sm
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import bootstrap, mannwhitneyu, ttest_ind

from adoption.validation.cuped import adjust, adjusted_difference
from adoption.validation.differences import (
    Unit,
    cell_difference,
    clustered_difference,
    paired_changes,
    permuted_changes,
)
from adoption.validation.placebo import in_unit
from adoption.validation.results import NotEvaluableError

EXACT = 1e-6
Rows = list[dict[str, str]]


@pytest.fixture
def stores(golden: Callable[[str], Rows]) -> Rows:
    return golden("card_krueger_long.csv")


def number(text: str) -> float | None:
    return None if text in {"", "NA"} else float(text)


def units_of(rows: Rows) -> list[Unit]:
    seen: dict[str, dict[str, float | None]] = defaultdict(dict)
    treated = {}
    for row in rows:
        seen[row["id"]][row["d"]] = number(row["fte"])
        treated[row["id"]] = row["nj"] == "1"
    return [Unit(name, treated[name], both.get("0"), both.get("1")) for name, both in seen.items()]


def test_g5_the_cells_of_card_and_krueger(stores: Rows) -> None:
    cells: dict[tuple[str, str], list[float]] = defaultdict(list)
    for row in stores:
        value = number(row["fte"])
        if value is not None:
            cells[row["nj"], row["d"]].append(value)
    expected = {
        ("0", "0"): (77, 23.331168831, 11.856283142), ("0", "1"): (77, 21.165584416, 8.276732049),
        ("1", "0"): (321, 20.439408100, 9.106239102), ("1", "1"): (319, 21.027429467, 9.293023774),
    }  # fmt: skip
    for cell, (size, center, spread) in expected.items():
        assert len(cells[cell]) == size
        assert (mean(cells[cell]), stdev(cells[cell])) == pytest.approx((center, spread), abs=EXACT)


def test_g5_stores_that_were_seen_twice_are_paired(stores: Rows) -> None:
    found = paired_changes(units_of(stores))
    assert found.effect == pytest.approx(2.75, abs=EXACT)
    assert found.standard_error == pytest.approx(1.3423409769082764, abs=EXACT)
    assert found.p_value == pytest.approx(0.04319974156630395, abs=EXACT)
    assert found.n == {"treated": 309, "comparison": 75}
    assert found.interval.low > 0


def test_g5_trap_pooled_least_squares_call_it_insignificant(stores: Rows) -> None:
    rows = [row for row in stores if number(row["fte"]) is not None]
    outcomes = [float(row["fte"]) for row in rows]
    treated = [row["nj"] == "1" for row in rows]
    after = [row["d"] == "1" for row in rows]
    both = [a and b for a, b in zip(treated, after, strict=True)]
    design = np.column_stack([np.ones(len(rows)), treated, after, both]).astype(float)
    pooled = sm.OLS(np.asarray(outcomes), design).fit()
    assert float(pooled.bse[3]) == pytest.approx(1.6884091309094853, abs=EXACT)
    clustered = clustered_difference(outcomes, treated, after, [row["id"] for row in rows])
    assert clustered.effect == pytest.approx(2.753605782980684, abs=EXACT)
    assert clustered.standard_error == pytest.approx(1.3066070124191256, abs=EXACT)


def test_g5_bootstrap_and_ranks_of_the_changes(stores: Rows) -> None:
    changes: dict[bool, list[float]] = defaultdict(list)
    for unit in units_of(stores):
        if unit.change is not None:
            changes[unit.treated].append(unit.change)
    resampled = bootstrap(
        (changes[True], changes[False]), lambda x, y, axis=-1: np.mean(x, axis) - np.mean(y, axis),
        method="BCa", n_resamples=1999, rng=np.random.default_rng(1),
    ).confidence_interval  # fmt: skip
    assert (resampled.low, resampled.high) == pytest.approx((0.25, 5.51), abs=0.15)
    ranks = mannwhitneyu(changes[True], changes[False])
    assert float(ranks.pvalue) == pytest.approx(0.0508, abs=5e-4)


def test_g6_banks_in_two_districts(golden: Callable[[str], Rows]) -> None:
    by_year: dict[str, dict[int, list[float]]] = {"6": defaultdict(list), "8": defaultdict(list)}
    for row in golden("banks.csv"):
        for district, years in by_year.items():
            if (value := number(row[f"bib{district}"])) is not None:
                years[int(row["year"])].append(value)
    six = {year: median(values) for year, values in by_year["6"].items()}
    eight = {year: median(values) for year, values in by_year["8"].items()}
    assert [six[year] for year in range(1929, 1935)] == [141, 135, 121, 113, 102, 102]
    assert [eight[year] for year in range(1929, 1935)] == [170, 165, 132, 120, 111, 110]
    assert (six[1931] - six[1930]) - (eight[1931] - eight[1930]) == 19
    early, late = (1929, 1930), (1931, 1932, 1933, 1934)
    found = cell_difference(
        [six[y] for y in early], [six[y] for y in late],
        [eight[y] for y in early], [eight[y] for y in late],
    )  # fmt: skip
    assert found.effect == pytest.approx(20.75, abs=EXACT)
    assert found.standard_error == pytest.approx(10.608811196359373, abs=EXACT)
    assert (found.interval.low, found.interval.high) == pytest.approx(
        (-3.7139624884050377, 45.213962488404896), abs=EXACT
    )


@pytest.fixture
def tasks(golden: Callable[[str], Rows]) -> tuple[list[float], list[float], list[bool]]:
    """Logarithms of time and forecast, and the treatment: in the file 1 means AI was allowed."""
    rows = golden("metr_2025.csv")
    treated = [float(row["ai_treatment"]) == 1 for row in rows]
    review = [number(row["post_review_implementation_time"]) for row in rows]
    filled = {
        arm: mean(r for r, t in zip(review, treated, strict=True) if t == arm and r is not None)
        for arm in (True, False)
    }
    times = [
        math.log(float(row["initial_implementation_time"]) + (filled[arm] if r is None else r))
        for row, r, arm in zip(rows, review, treated, strict=True)
    ]
    return times, [math.log(float(row["predicted_time_no_ai"])) for row in rows], treated


def test_g8_the_regression_of_metr_and_its_sign(
    tasks: tuple[list[float], list[float], list[bool]],
) -> None:
    times, forecast, treated = tasks
    design = np.column_stack([np.ones(len(times)), treated, forecast]).astype(float)
    fitted = sm.OLS(np.asarray(times), design).fit()
    effect = float(fitted.params[1])
    assert len(times) == 246
    assert math.expm1(effect) == pytest.approx(0.1883999411634183, abs=EXACT)  # slower, not faster
    reach = 1.959963984540054 * float(fitted.bse[1])
    assert (math.expm1(effect - reach), math.expm1(effect + reach)) == pytest.approx(
        (0.012559851417884627, 0.39477623784864124), abs=EXACT
    )
    by_t = [math.expm1(float(bound)) for bound in fitted.conf_int()[1]]
    assert by_t == pytest.approx([0.011749, 0.395895], abs=EXACT)


def test_g9_a_forecast_takes_noise_out_and_both_answers_are_shown(
    tasks: tuple[list[float], list[float], list[bool]],
) -> None:
    times, forecast, treated = tasks
    adjusted, raw = adjusted_difference(times, forecast, treated)
    assert adjusted.details["theta"] == pytest.approx(0.8548731605658905, abs=EXACT)
    assert adjusted.details["explained"] == pytest.approx(0.4633615612397644, abs=EXACT)
    assert raw.effect == pytest.approx(0.20667593562060915, abs=EXACT)
    assert raw.standard_error == pytest.approx(0.10997237825960073, abs=EXACT)
    assert raw.p_value == pytest.approx(0.061397713352055634, abs=EXACT)
    assert adjusted.effect == pytest.approx(0.1724660588890634, abs=EXACT)
    assert adjusted.standard_error == pytest.approx(0.08071547206136231, abs=EXACT)
    assert adjusted.p_value == pytest.approx(0.0336, abs=5e-4)


def test_g9_toy_and_the_trap_of_theta_turned_over() -> None:
    covariate, outcomes = [1.0, 2, 3, 4, 5], [2.0, 4, 5, 4, 5]
    found = adjust(outcomes, covariate)
    assert found.theta == pytest.approx(0.6)
    assert found.explained == pytest.approx(0.6)
    assert found.values == pytest.approx((3.2, 4.6, 5.0, 3.4, 3.8))
    assert np.var(found.values, ddof=1) == pytest.approx(0.6)
    turned_over = np.var(covariate, ddof=1) / np.cov(covariate, outcomes)[0, 1]
    wrong = np.asarray(outcomes) - turned_over * (np.asarray(covariate) - 3)
    assert np.var(wrong, ddof=1) > np.var(outcomes, ddof=1) > np.var(found.values, ddof=1)


@given(
    st.lists(st.tuples(st.integers(-99, 99), st.integers(-99, 99)), min_size=4, max_size=20).filter(
        lambda pairs: len({x for x, _ in pairs}) > 1
    )
)
def test_adjusting_keeps_the_mean_and_never_adds_noise(pairs: list[tuple[int, int]]) -> None:
    covariate, outcomes = [float(x) for x, _ in pairs], [float(y) for _, y in pairs]
    found = adjust(outcomes, covariate)
    assert mean(found.values) == pytest.approx(mean(outcomes), abs=1e-6)
    assert np.var(found.values) <= np.var(outcomes) + 1e-6


def several(treated: list[float], others: list[float]) -> list[Unit]:
    return [
        Unit(f"{'t' if is_treated else 'c'}{place}", is_treated, 10.0, 10.0 + change)
        for is_treated, changes in ((True, treated), (False, others))
        for place, change in enumerate(changes)
    ]


def test_few_units_are_permuted_the_same_every_time() -> None:
    units = several([5.0, 6.5, 7.0, 5.5], [0.5, -1.0, 1.5, 0.0, 0.7])
    first, second = (permuted_changes(units, seed=7) for _ in range(2))
    assert first == second
    assert first.p_value == pytest.approx(2 / 126)  # the most extreme of 126 assignments, and back
    assert 0 < first.interval.low < first.effect < first.interval.high
    assert "few_units" in first.warnings


def test_too_few_units_for_permutation_have_no_bounds() -> None:
    found = permuted_changes(several([5.0, 6.0], [0.0, 1.0]), seed=1)
    assert math.isinf(found.interval.low)
    assert math.isinf(found.interval.high)


def test_a_unit_that_was_seen_once_is_left_out_and_counted() -> None:
    units = [*several([5.0, 6.0, 7.0], [0.0, 1.0, 0.5]), Unit("t9", True, 10.0, None)]
    found = paired_changes(units)
    assert found.n["treated"] == 3
    assert found.details["missing_treated"] == 0.25
    with pytest.raises(NotEvaluableError, match="1 treated units and 3 others"):
        paired_changes(several([5.0], [0.0, 1.0, 2.0]))
    with pytest.raises(NotEvaluableError, match="no noise is seen"):
        paired_changes(several([5.0, 5.0], [0.0, 0.0]))


def test_an_effect_that_untreated_units_show_as_well_is_no_effect() -> None:
    quiet = [0.1, -0.2, 0.3, 0.0, 0.2, -0.1]
    assert in_unit(several([5.0, 5.2, 4.8], quiet)).passed
    assert in_unit(several([5.0, 5.2, 4.8], [8.0, -7.0, 9.0, -8.0, 7.5, -9.0])).passed is False
    assert in_unit(several([5.0, 5.2], [0.0, 0.1])).passed is None


def test_clusters_must_be_several_and_cells_not_empty() -> None:
    with pytest.raises(NotEvaluableError, match="not observed before or after"):
        clustered_difference([1.0, 2.0], [True, False], [True, True], ["a", "b"])
    with pytest.raises(NotEvaluableError, match="2 clusters"):
        clustered_difference(
            [1.0, 2.0, 3.0, 4.0], [True, True, False, False], [True, False, True, False], "aabb"
        )
    welch = ttest_ind([5.0, 6.0, 7.0], [0.0, 1.0, 0.5], equal_var=False)
    assert paired_changes(several([5.0, 6.0, 7.0], [0.0, 1.0, 0.5])).p_value == float(welch.pvalue)
