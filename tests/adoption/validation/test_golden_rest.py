"""The golden numbers that stand beside the ones of our own estimators: every other way to compute
them, with which one could come to another answer. `README.md` here says which test holds which."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import statsmodels.api as sm
from scipy.stats import mannwhitneyu, poisson_means_test, ttest_ind
from statsmodels.stats.diagnostic import acorr_ljungbox
from statsmodels.stats.rates import confint_poisson, confint_poisson_2indep
from statsmodels.stats.rates import test_poisson_2indep as poisson_test

from adoption.validation.power import smallest_increase
from adoption.validation.rates import Rate, rate_ratio
from adoption.validation.results import Estimate
from adoption.validation.verdict import Direction, Question, Verdict, judge

EXACT = 1e-6
GU = (60, 51_477.5, 30, 54_308.7)
Rows = list[dict[str, str]]


def word(found: Estimate, direction: Direction = Direction.INCREASE, interest: float = 1.25) -> str:
    return judge(Question(direction=direction, interest=interest), found).verdict.value


@pytest.mark.parametrize(
    ("method", "p_value"),
    [
        ("wald", 0.000712009), ("score", 0.000632219), ("sqrt", 0.000570036),
        ("wald-log", 0.000839944), ("score-log", 0.000399252),
        ("exact-cond", 0.000675182658686321), ("cond-midp", 0.000557262406619),
        ("etest", 0.000567262),
    ],
)  # fmt: skip
def test_g1_every_two_sided_p(method: str, p_value: float) -> None:
    assert poisson_test(*GU, method=method).pvalue == pytest.approx(p_value, abs=EXACT)


@pytest.mark.parametrize(
    ("method", "p_value"),
    [("wald", 0.000356), ("score", 0.000316), ("sqrt", 0.000285), ("exact-cond", 0.000428),
     ("cond-midp", 0.000310)],
)  # fmt: skip
def test_g1_every_published_one_sided_p(method: str, p_value: float) -> None:
    found = poisson_test(*GU, method=method, alternative="larger").pvalue
    assert found == pytest.approx(p_value, abs=6e-7)


def test_g1_another_exact_interval_is_another_definition() -> None:
    score_log = confint_poisson_2indep(*GU, method="score-log", compare="ratio")
    assert score_log == pytest.approx((1.390341, 3.434825), abs=EXACT)
    ours = rate_ratio(Rate(30, 54_308.7), Rate(60, 51_477.5), method="exact").interval
    minlike = (1.34983090611567, 3.27764509862914)  # R's default: not the central one
    assert ours.low < minlike[0] < minlike[1] < ours.high


def test_g3_is_inconclusive_and_one_rate_has_a_score_interval_too() -> None:
    assert word(rate_ratio(Rate(21, 3011), Rate(11, 800), method="exact")) == "inconclusive"
    score = confint_poisson(15, 400, method="score")
    assert score == pytest.approx((0.0227264749, 0.0618771721), abs=EXACT)


def test_g4_sidedness_and_continuity_each_change_the_answer() -> None:
    males, females = [19, 22, 16, 29, 24], [20, 11, 17, 12]
    asymptotic = mannwhitneyu(males, females, method="asymptotic")
    assert float(asymptotic.pvalue) == pytest.approx(0.111346886, abs=EXACT)
    bare = mannwhitneyu(males, females, method="asymptotic", use_continuity=False)
    assert float(bare.pvalue) == pytest.approx(0.086410733, abs=EXACT)
    assert float(ttest_ind(females, males).pvalue) == pytest.approx(0.0601369, abs=EXACT)
    assert float(poisson_means_test(0, 100, 3, 100).statistic) == pytest.approx(-1.7320508)


def test_g5_the_published_table_and_the_pooled_answer(golden: Callable[[str], Rows]) -> None:
    cells: dict[tuple[str, str], list[float]] = defaultdict(list)
    for row in golden("card_krueger_long.csv"):
        if row["fte"] not in {"", "NA"}:
            cells[row["nj"], row["d"]].append(float(row["fte"]))
    printed = {("0", "0"): (23.33, 1.35), ("0", "1"): (21.17, 0.94), ("1", "0"): (20.44, 0.51),
               ("1", "1"): (21.03, 0.52)}  # fmt: skip
    for cell, (center, error) in printed.items():
        values = np.asarray(cells[cell])
        seen = (values.mean(), values.std(ddof=1) / math.sqrt(len(values)))
        assert seen == pytest.approx((center, error), abs=0.006)
    means = {cell: float(np.mean(values)) for cell, values in cells.items()}
    change = (means["1", "1"] - means["1", "0"]) - (means["0", "1"] - means["0", "0"])
    assert change == pytest.approx(2.753606, abs=EXACT)
    # Pooled, with the error 1.688409, the same difference would be called nothing.
    assert change / 1.688409 < 1.96 < change / 1.306607


def test_g7_trap_newey_and_west_make_the_interval_narrower(golden: Callable[[str], Rows]) -> None:
    rows = golden("sicily.csv")
    counts = np.array([float(row["aces"]) for row in rows])
    time = np.arange(1, 60, dtype=float)
    season = [f(2 * math.pi * k * time / 12) for k in (1, 2) for f in (np.sin, np.cos)]
    design = np.column_stack([np.ones(59), time, (time > 36).astype(float), *season])
    offset = np.log([float(row["stdpop"]) for row in rows])
    model = sm.GLM(counts, design, family=sm.families.Poisson(), offset=offset)
    usual, hac = model.fit(scale="X2"), model.fit(cov_type="HAC", cov_kwds={"maxlags": 12})
    bounds = [float(each) for each in np.exp(hac.conf_int()[2])]
    assert bounds == pytest.approx([0.859, 0.912], abs=6e-4)
    assert hac.bse[2] < usual.bse[2]
    box = acorr_ljungbox(usual.resid_pearson, lags=[12], return_df=True)
    assert 0.0046 < float(box["lb_pvalue"].iloc[0]) < 0.0049


def test_g7_the_slope_that_is_not_centred_in_full_and_the_placebo(
    golden: Callable[[str], Rows],
) -> None:
    rows = golden("sicily.csv")
    counts = np.array([float(row["aces"]) for row in rows])
    offset = np.log([float(row["stdpop"]) for row in rows])

    def step(size: int, launch: int, *, slope: bool) -> tuple[float, float]:
        time = np.arange(1, size + 1, dtype=float)
        after = (time > launch).astype(float)
        season = [f(2 * math.pi * k * time / 12) for k in (1, 2) for f in (np.sin, np.cos)]
        more = [after * time] if slope else []
        design = np.column_stack([np.ones(size), time, after, *more, *season])
        family = sm.families.Poisson()
        fitted = sm.GLM(counts[:size], design, family=family, offset=offset[:size]).fit(scale="X2")
        return float(fitted.params[2]), float(fitted.bse[2])

    found, error = step(59, 36, slope=True)
    assert error == pytest.approx(0.0835609, abs=EXACT)
    bounds = [math.exp(found + z * error) for z in (-1.959964, 0, 1.959964)]
    assert bounds == pytest.approx([0.705, 0.831, 0.979], abs=6e-4)
    found, error = step(36, 18, slope=False)
    bounds = [math.exp(found + z * error) for z in (-1.959964, 0, 1.959964)]
    assert bounds == pytest.approx([0.9334, 1.0040, 1.0798], abs=6e-5)
    assert bounds[0] < 1 < bounds[2]  # inconclusive, as it must be


def test_g8_other_errors_and_the_coding_turned_over(golden: Callable[[str], Rows]) -> None:
    rows = golden("metr_2025.csv")
    treated = np.array([float(row["ai_treatment"]) for row in rows])
    review: list[Any] = [row["post_review_implementation_time"] for row in rows]
    known = [None if each in {"", "NA"} else float(each) for each in review]
    filled = {
        arm: np.mean([r for r, t in zip(known, treated, strict=True) if t == arm and r is not None])
        for arm in (0.0, 1.0)
    }
    extra = [filled[t] if r is None else r for r, t in zip(known, treated, strict=True)]
    initial = np.array([float(row["initial_implementation_time"]) for row in rows])
    times = np.log(initial + np.array(extra))
    forecast = np.log([float(row["predicted_time_no_ai"]) for row in rows])
    design = np.column_stack([np.ones(len(rows)), treated, forecast])
    model = sm.OLS(times, design)
    who = np.unique([row["dev_id"] for row in rows], return_inverse=True)[1]
    for fitted, expected in (
        (model.fit(cov_type="HC3"), (0.013, 0.394)),
        (model.fit(cov_type="cluster", cov_kwds={"groups": who}), (0.016, 0.390)),
    ):
        bounds = [math.expm1(float(each)) for each in fitted.conf_int()[1]]
        assert bounds == pytest.approx(expected, abs=6e-4)
    turned = np.column_stack([np.ones(len(rows)), 1 - treated, forecast])
    assert float(sm.OLS(times, turned).fit().params[1]) < 0 < float(model.fit().params[1])


@pytest.mark.parametrize(
    ("events", "ratio"),
    [(10, 4.05), (20, 2.81), (30, 2.37), (50, 1.99), (100, 1.65), (200, 1.44), (400, 1.30),
     (1000, 1.19)],
)  # fmt: skip
def test_the_smallest_increase_of_counts_twice_as_noisy(events: int, ratio: float) -> None:
    assert smallest_increase(events, dispersion=2) == pytest.approx(ratio, abs=6e-3)


def test_g13_reads_as_the_reference_says() -> None:
    for before, after, expected in (
        (24, 36, Verdict.INCONCLUSIVE), (24, 48, Verdict.SUPPORTED), (240, 360, Verdict.SUPPORTED),
        (30, 31, Verdict.INCONCLUSIVE),
    ):  # fmt: skip
        found = rate_ratio(Rate(before, 12), Rate(after, 12))
        assert word(found) == expected
