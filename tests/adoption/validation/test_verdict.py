"""The verdict protocol: the golden table, the order of the words, guardrails, what is proven."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adoption.validation.rates import Rate, equivalence_p, rate_ratio
from adoption.validation.results import Estimate, Interval, Scale
from adoption.validation.verdict import (
    Direction,
    Guardrail,
    GuardrailState,
    Question,
    Verdict,
    conservative_benefit,
    events_to_settle,
    judge,
    margins,
)

UP = Question(direction=Direction.INCREASE, interest=1.25)
SUPPORTED = (1.1, 1.6)


def estimate(low: float, high: float) -> Estimate:
    return Estimate(
        scale=Scale.RATIO,
        effect=(low * high) ** 0.5,
        interval=Interval(low, high, 0.95, "score"),
        p_value=None,
        method="test/1",
        n={},
    )


def guardrail(low: float, high: float, **more: object) -> Guardrail:
    given: dict[str, object] = {
        "key": "change-fail-rate@1",
        "scale": Scale.RATIO,
        "worse": Direction.INCREASE,
    }
    given |= {"margin": 1.1, "interval": Interval(low, high, 0.95, "score")} | more
    return Guardrail(**given)  # type: ignore[arg-type]


BREACH = guardrail(1.2, 1.9)
UNKNOWN = guardrail(1, 1, interval=None)


@pytest.mark.parametrize(
    ("before", "after", "verdict"),
    [
        (24, 36, Verdict.INCONCLUSIVE),
        (24, 48, Verdict.SUPPORTED),
        (240, 360, Verdict.SUPPORTED),
        (30, 31, Verdict.INCONCLUSIVE),
        (1000, 1010, Verdict.NO_MEANINGFUL_CHANGE),
        (48, 24, Verdict.ADVERSE),
    ],
)
def test_g13_twelve_weeks_before_and_after(before: int, after: int, verdict: Verdict) -> None:
    sides = Rate(before, 84), Rate(after, 84)
    low, high = margins(Scale.RATIO, UP.interest)
    found = judge(
        UP,
        rate_ratio(*sides, method="score"),
        equivalence_p=equivalence_p(*sides, low, high, exact=False),
    )
    assert found.verdict == verdict


def test_a_large_p_is_not_no_effect_and_what_would_settle_it_is_told() -> None:
    found = rate_ratio(Rate(24, 84), Rate(36, 84), method="score")
    assert judge(UP, found).verdict == Verdict.INCONCLUSIVE
    assert events_to_settle(found) == 80  # on each side, at half as many again
    assert events_to_settle(estimate(0.5, 2.0)) is None  # around 1 nothing ever settles


@pytest.mark.parametrize(
    ("question", "interval", "rails", "equivalent", "verdict"),
    [
        (UP, SUPPORTED, [], None, Verdict.SUPPORTED),
        (UP, SUPPORTED, [BREACH], None, Verdict.ADVERSE),
        (UP, SUPPORTED, [UNKNOWN], None, Verdict.INCONCLUSIVE),
        (UP, SUPPORTED, [guardrail(0.9, 1.3)], None, Verdict.SUPPORTED),
        (UP, (1.001, 1.02), [], 0.0001, Verdict.SUPPORTED),
        (UP, (0.98, 1.02), [], 0.0001, Verdict.NO_MEANINGFUL_CHANGE),
        (UP, (0.98, 1.02), [BREACH], 0.0001, Verdict.ADVERSE),
        (UP, (0.5, 0.9), [], None, Verdict.ADVERSE),
        (UP, (0.8, 1.6), [], 0.4, Verdict.INCONCLUSIVE),
        (UP, (1.0, 1.6), [], None, Verdict.INCONCLUSIVE),  # a bound that touches does not exclude
    ],
)
def test_the_first_word_that_applies_wins(
    question: Question,
    interval: tuple[float, float],
    rails: list[Guardrail],
    equivalent: float | None,
    verdict: Verdict,
) -> None:
    found = judge(question, estimate(*interval), guardrails=rails, equivalence_p=equivalent)
    assert found.verdict == verdict


def test_supported_is_practical_only_when_the_near_bound_matters() -> None:
    assert judge(UP, estimate(1.25, 1.6)).is_practical
    small = judge(UP, estimate(1.001, 1.02))
    assert small.verdict == Verdict.SUPPORTED
    assert not small.is_practical
    down = Question(direction=Direction.DECREASE, interest=0.8)
    assert judge(down, estimate(0.5, 0.8)).is_practical
    assert not judge(down, estimate(0.5, 0.9)).is_practical


def test_nothing_is_estimated_before_the_window_closes() -> None:
    open_still = Question(direction=Direction.INCREASE, interest=1.25, is_closed=False)
    assert judge(open_still, None).verdict == Verdict.IN_PROGRESS
    with pytest.raises(ValueError, match="before the window has closed"):
        judge(open_still, estimate(*SUPPORTED))
    with pytest.raises(ValueError, match="has an estimate"):
        judge(UP, None)


CHANGED = ("The window was moved after the launch.",)
SHORT = ("The baseline has 12 events, 30 were registered as the minimum.",)
_RAILS = [(), (guardrail(0.8, 1.0),), (BREACH,), (UNKNOWN,)]
_INTERVALS = [(0.5, 0.9), (0.8, 1.6), (0.98, 1.02), (1.1, 1.6), (1.3, 2.0)]


@pytest.mark.parametrize(("rails", "interval"), list(itertools.product(_RAILS, _INTERVALS)))
def test_shopping_after_the_launch_is_never_better_than_exploratory(
    rails: tuple[Guardrail, ...], interval: tuple[float, float]
) -> None:
    question = Question(direction=Direction.INCREASE, interest=1.25, deviations=CHANGED)
    found = judge(question, estimate(*interval), guardrails=rails, equivalence_p=0.001)
    honest = judge(UP, estimate(*interval), guardrails=rails, equivalence_p=0.001)
    assert found.verdict == Verdict.EXPLORATORY
    assert found.reading == honest.verdict
    assert not found.is_practical
    assert found.reasons[0] == CHANGED[0]
    assert conservative_benefit(
        estimate(*interval), found, direction=Direction.INCREASE, units=100, unit_value=10
    ) == 0  # fmt: skip


def test_what_cannot_be_evaluated_is_said_before_anything_else() -> None:
    question = Question(
        direction=Direction.INCREASE, interest=1.25, obstacles=SHORT, deviations=CHANGED
    )
    found = judge(question, estimate(*SUPPORTED), guardrails=[BREACH])
    assert (found.verdict, found.reasons) == (Verdict.NOT_EVALUABLE, SHORT)


def test_a_guardrail_is_breached_only_beyond_its_margin() -> None:
    assert guardrail(0.8, 1.1).state == GuardrailState.OK
    assert guardrail(0.8, 1.2).state == GuardrailState.UNCLEAR
    assert guardrail(1.11, 1.2).state == GuardrailState.BREACHED
    assert UNKNOWN.state == GuardrailState.NOT_EVALUABLE
    satisfaction = {"scale": Scale.DIFFERENCE, "worse": Direction.DECREASE, "margin": -0.5}
    assert guardrail(-0.4, 0.2, **satisfaction).state == GuardrailState.OK
    assert guardrail(-0.9, -0.2, **satisfaction).state == GuardrailState.UNCLEAR
    assert guardrail(-0.9, -0.6, **satisfaction).state == GuardrailState.BREACHED


def test_margins_lie_on_both_sides_of_no_effect() -> None:
    assert margins(Scale.RATIO, 1.25) == pytest.approx((0.8, 1.25))
    assert margins(Scale.RATIO, 0.8) == pytest.approx((0.8, 1.25))
    assert margins(Scale.DIFFERENCE, -2.0) == (-2.0, 2.0)
    with pytest.raises(ValueError, match="differs from no effect"):
        margins(Scale.RATIO, 1.0)


def test_only_what_is_supported_is_worth_something_and_by_its_near_bound() -> None:
    good = estimate(1.1, 1.6)
    finding = judge(UP, good)
    worth = conservative_benefit(
        good, finding, direction=Direction.INCREASE, units=200, unit_value=50
    )
    assert worth == pytest.approx(0.1 * 200 * 50)
    unsure = estimate(0.9, 5.0)
    assert conservative_benefit(
        unsure, judge(UP, unsure), direction=Direction.INCREASE, units=200, unit_value=50
    ) == 0  # fmt: skip


bounds = st.tuples(st.floats(0.05, 20), st.floats(0.05, 20)).map(sorted)


@given(bounds, bounds, st.one_of(st.none(), st.floats(0, 1)))
def test_a_worse_guardrail_never_makes_a_better_verdict(
    interval: list[float], rail: list[float], equivalent: float | None
) -> None:
    order = list(Verdict)
    low, high = interval
    without = judge(UP, estimate(low, high), equivalence_p=equivalent)
    rails = [guardrail(*rail)]
    with_rail = judge(UP, estimate(low, high), guardrails=rails, equivalence_p=equivalent)
    assert order.index(with_rail.verdict) <= order.index(without.verdict)
    if with_rail.verdict is not without.verdict:
        assert with_rail.verdict == Verdict.ADVERSE
