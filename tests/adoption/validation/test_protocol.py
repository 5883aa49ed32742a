"""A protocol carried out: each method, its promise, its traps, and the same bytes again."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adoption.validation.documents import as_text, digits, document, number
from adoption.validation.methods import Method, UnitWeeks, Week
from adoption.validation.missing import Side
from adoption.validation.promises import promise
from adoption.validation.protocol import GuardrailPlan, Observed, Protocol, evaluate
from adoption.validation.verdict import Direction, GuardrailState, Verdict
from adoption.validation.weekly import (
    noise_of,
    weekly_equivalence_p,
    weekly_power,
    weekly_ratio,
    weekly_smallest,
)

PROTOCOL = Protocol(
    method=Method.WEEKLY_RATIO,
    direction=Direction.INCREASE,
    interest=1.25,
    alpha=0.05,
    seed=7,
    minimum_n=10,
)


def counted(*counts: int) -> tuple[Week, ...]:
    return tuple(Week(events=count) for count in counts)


def unit(
    before: list[int], after: list[int], *, treated: bool = True, name: str = "a"
) -> UnitWeeks:
    return UnitWeeks(name, treated, counted(*before), counted(*after))


def verdict_of(before: list[int], after: list[int], **more: object) -> Verdict:
    observed = Observed(units=[unit(before, after)], **more)  # type: ignore[arg-type]
    return evaluate(PROTOCOL, observed).finding.verdict


def test_g13_by_weeks_as_by_totals() -> None:
    assert verdict_of([2] * 12, [3] * 12) == Verdict.INCONCLUSIVE
    assert verdict_of([2] * 12, [4] * 12) == Verdict.SUPPORTED
    assert verdict_of([4] * 12, [2] * 12) == Verdict.ADVERSE
    assert verdict_of([84] * 12, [84] * 12) == Verdict.NO_MEANINGFUL_CHANGE


def test_noise_widens_and_a_quiet_series_keeps_the_golden_interval() -> None:
    plain = weekly_ratio([2] * 12, [3] * 12)
    assert plain.method == "weekly_ratio.score/2"
    assert (plain.interval.low, plain.interval.high) == pytest.approx((0.900, 2.500), abs=1e-3)
    noisy = weekly_ratio([0, 6, 0, 4] * 3, [0, 8, 1, 6] * 3)
    assert noisy.method == "weekly_ratio.alike/2"
    assert "overdispersed" in noisy.warnings
    likeness = noise_of([1, 2, 3, 4, 9, 10, 11, 12, 5, 4, 2, 1], []).likeness
    assert likeness > 0.3


def test_the_promised_power_is_what_the_method_reaches() -> None:
    smallest = weekly_smallest(8, (12, 12), is_increase=True, runs=4_000)
    assert smallest is not None
    assert 1.44 < smallest < 1.55
    reached = weekly_power(smallest, 8, (12, 12), seed=1, runs=4_000)
    assert reached == pytest.approx(0.8, abs=0.03)
    fewer = weekly_smallest(8, (12, 12), is_increase=False)
    assert fewer is not None
    assert 0.55 < fewer < 0.68
    assert weekly_smallest(0.01, (4, 4), is_increase=False) is None


def test_equivalence_needs_much_more_than_a_large_p() -> None:
    assert weekly_equivalence_p([30] * 12, [31] * 12, 0.8, 1.25) < 0.05
    assert weekly_equivalence_p([2] * 12, [2] * 12, 0.8, 1.25) > 0.05


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        ({"losses": (Side(10), Side(10, opted_out=4))}, "opted out"),
        ({"obstacles": ("The group is too small.",)}, "too small"),
    ],
)
def test_what_forbids_an_estimate_is_said_and_nothing_is_estimated(
    more: dict[str, object], sentence: str
) -> None:
    observed = Observed(units=[unit([4] * 12, [8] * 12)], **more)  # type: ignore[arg-type]
    outcome = evaluate(PROTOCOL, observed)
    assert outcome.finding.verdict == Verdict.NOT_EVALUABLE
    assert outcome.estimate is None
    assert any(sentence in reason for reason in outcome.finding.reasons)


def test_gaps_and_small_baselines_are_not_evaluable() -> None:
    gaps = UnitWeeks(
        "a", True, counted(*[4] * 9) + (Week(is_missing=True),) * 3, counted(*[9] * 12)
    )
    outcome = evaluate(PROTOCOL, Observed(units=[gaps]))
    assert outcome.finding.verdict == Verdict.NOT_EVALUABLE
    assert "3 of 12 weeks before" in outcome.finding.reasons[0]
    assert verdict_of([0] * 11 + [5], [3] * 12) == Verdict.NOT_EVALUABLE


def test_a_baseline_that_moves_by_itself_supports_nothing() -> None:
    """The placebo: the second half of the baseline is already twice the first."""
    outcome = evaluate(PROTOCOL, Observed(units=[unit([8] * 6 + [20] * 6, [40] * 12)]))
    assert outcome.placebo is not None
    assert outcome.placebo.passed is False
    assert outcome.finding.verdict == Verdict.INCONCLUSIVE
    assert "middle of the baseline" in outcome.finding.reasons[0]


def test_a_guardrail_wins_over_a_gain_and_an_unknown_one_forbids_it() -> None:
    plan = GuardrailPlan("reworks@1.0.0", Direction.INCREASE, 1.1)
    protocol = replace(PROTOCOL, guardrails=(plan,))
    units = [unit([8] * 12, [20] * 12)]
    broken = {plan.key: [unit([10] * 12, [20] * 12)]}
    outcome = evaluate(protocol, Observed(units=units, guardrails=broken))
    assert outcome.finding.verdict == Verdict.ADVERSE
    assert outcome.guardrails[0].state == GuardrailState.BREACHED
    unknown = evaluate(protocol, Observed(units=units))
    assert unknown.finding.verdict == Verdict.INCONCLUSIVE


def test_series_measurements_and_units_each_have_their_method() -> None:
    rng = np.random.default_rng(3)
    series = replace(PROTOCOL, method=Method.INTERRUPTED_SERIES, gap=2)
    steady = [unit(rng.poisson(30, 16).tolist(), rng.poisson(60, 16).tolist())]
    assert evaluate(series, Observed(units=steady)).finding.verdict == Verdict.SUPPORTED
    waits = UnitWeeks(
        "a",
        True,
        tuple(Week(measurements=tuple(rng.exponential(30, 6))) for _ in range(12)),
        tuple(Week(measurements=tuple(rng.exponential(10, 6))) for _ in range(12)),
    )
    shorter = replace(PROTOCOL, direction=Direction.DECREASE, interest=-5.0)
    for method in (Method.RANK_SHIFT, Method.MEDIAN_DIFFERENCE):
        outcome = evaluate(replace(shorter, method=method), Observed(units=[waits]))
        assert outcome.finding.verdict == Verdict.SUPPORTED
        assert promise(replace(shorter, method=method), [waits], 12).smallest is not None
    units = [
        unit(
            rng.poisson(20, 12).tolist(),
            rng.poisson(32 if place < 6 else 20, 12).tolist(),
            treated=place < 6,
            name=str(place),
        )
        for place in range(14)
    ]
    paired = replace(PROTOCOL, interest=2.0, minimum_n=3)
    for method in (Method.PAIRED_CHANGES, Method.CUPED, Method.PERMUTED_CHANGES):
        chosen = replace(paired, method=method)
        assert evaluate(chosen, Observed(units=units)).finding.verdict == Verdict.SUPPORTED
        assert promise(chosen, units, 12).smallest is not None


def test_thirty_deployments_can_only_show_a_large_change() -> None:
    found = promise(PROTOCOL, [unit([2, 3] * 6, [])], 12, noun="deployments")
    assert found.n == 30
    assert found.words.startswith("With 30 deployments in the baseline you can only see changes")
    assert found.smallest is not None
    assert 1.8 < found.smallest < 2.1
    assert not found.sees(1.25, Direction.INCREASE)
    assert found.weeks_needed is not None
    assert found.weeks_needed > 80
    none = promise(PROTOCOL, [unit([0] * 12, [])], 12)
    assert none.smallest is None
    assert "no change" in none.words


@settings(max_examples=15)
@given(
    st.lists(st.integers(0, 30), min_size=12, max_size=12),
    st.lists(st.integers(0, 30), min_size=12, max_size=12),
)
def test_the_same_numbers_give_the_same_bytes(before: list[int], after: list[int]) -> None:
    observed = Observed(units=[unit(before, after)])

    def text() -> str:
        return as_text(document(PROTOCOL, observed, evaluate(PROTOCOL, observed)))

    assert text() == text()


def test_numbers_survive_being_written() -> None:
    assert number(digits(1 / 3)) == pytest.approx(1 / 3, rel=1e-12)
    assert digits(float("inf")) == "infinity"
    assert number("infinity") == float("inf")
    assert digits(None) is None
    assert number(None) is None


def test_whatever_was_changed_is_exploratory_and_says_how_it_would_have_read() -> None:
    observed = Observed(units=[unit([8] * 12, [20] * 12)], deviations=("The window was changed.",))
    finding = evaluate(PROTOCOL, observed).finding
    assert (finding.verdict, finding.reading) == (Verdict.EXPLORATORY, Verdict.SUPPORTED)
