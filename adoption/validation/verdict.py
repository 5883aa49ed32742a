"""From an interval to a word, by one stated order.

The first that applies wins:

1. `in_progress`: the window has not closed. Nothing is estimated before.
2. `not_evaluable`: the data cannot carry an answer.
3. `exploratory`: registered after the launch, or something was changed since. It says how it would
   have read, and may not be quoted as validated.
4. `adverse`: the interval excludes the null on the wrong side, or a guardrail's whole interval
   lies beyond its margin. A breach wins over any gain.
5. `supported`: the interval excludes the null on the registered side; *practical* when its near
   bound clears the smallest effect of interest as well.
6. `no_meaningful_change`: both one-sided tests put the effect inside the margins.
7. `inconclusive`: anything else, with what would settle it.

A tiny effect that is surely there meets 5 and 6. It is *supported* and not *practical*: the
hypothesis had a direction, and the direction is what was shown. A guardrail that is not known to
hold does not make anything adverse, but nothing is *supported* while one cannot be evaluated, nor
while a check that must find nothing has found something.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from adoption.validation.power import weeks_needed
from adoption.validation.results import Estimate, Interval, Scale


class Verdict(StrEnum):
    """The words, in the order in which they win."""

    IN_PROGRESS = "in_progress"
    NOT_EVALUABLE = "not_evaluable"
    EXPLORATORY = "exploratory"
    ADVERSE = "adverse"
    SUPPORTED = "supported"
    NO_MEANINGFUL_CHANGE = "no_meaningful_change"
    INCONCLUSIVE = "inconclusive"


class Direction(StrEnum):
    """Which way the registered hypothesis points."""

    INCREASE = "increase"
    DECREASE = "decrease"


class GuardrailState(StrEnum):
    """What is known of a guardrail."""

    OK = "ok"
    BREACHED = "breached"
    UNCLEAR = "unclear"
    NOT_EVALUABLE = "not_evaluable"


@dataclass(frozen=True, slots=True)
class Guardrail:
    """Something that must not get worse by more than a margin.

    Attributes:
        key: metric and version.
        scale: of interval and margin.
        worse: the direction in which it gets worse.
        margin: the effect up to which it is borne, such as 1.10, or 0.5 hours.
        interval: of its effect; None when it cannot be evaluated.
    """

    key: str
    scale: Scale
    worse: Direction
    margin: float
    interval: Interval | None

    @property
    def state(self) -> GuardrailState:
        """Breached when the whole interval lies beyond the margin, ok when none of it does."""
        if self.interval is None:
            return GuardrailState.NOT_EVALUABLE
        near, far = self.interval.low, self.interval.high
        if self.worse is Direction.DECREASE:
            near, far = -far, -near
        margin = self.margin if self.worse is Direction.INCREASE else -self.margin
        if near > margin:
            return GuardrailState.BREACHED
        return GuardrailState.OK if far <= margin else GuardrailState.UNCLEAR


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What was registered, and what is known of how it was kept.

    Attributes:
        direction: of the hypothesis.
        interest: smallest effect of interest in that direction: a ratio such as 1.25, or a
            difference; on the side of the direction.
        is_closed: whether the window after the launch has ended.
        obstacles: sentences why nothing can be evaluated (too few events, gaps, a small group).
        deviations: sentences what was changed after the launch, or registered after it.
        doubts: sentences of checks that found an effect where there can be none.
    """

    direction: Direction
    interest: float
    is_closed: bool = True
    obstacles: tuple[str, ...] = ()
    deviations: tuple[str, ...] = ()
    doubts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Finding:
    """A verdict with everything that a page says beside it.

    Attributes:
        verdict: the word.
        reading: how it would have read without the deviations; None otherwise.
        is_practical: supported, and large enough to matter.
        reasons: sentences, the deciding one first.
    """

    verdict: Verdict
    reading: Verdict | None
    is_practical: bool
    reasons: tuple[str, ...]


def margins(scale: Scale, interest: float) -> tuple[float, float]:
    """The bounds between which an effect does not matter, on both sides of the null.

    Raises:
        ValueError: the smallest effect of interest is the null itself, or a ratio of 0 or less.
    """
    if interest == scale.null or (scale is Scale.RATIO and interest <= 0):
        raise ValueError("the smallest effect of interest differs from no effect at all")
    other = 1 / interest if scale is Scale.RATIO else -interest
    return min(interest, other), max(interest, other)


def judge(
    question: Question,
    estimate: Estimate | None,
    *,
    guardrails: Sequence[Guardrail] = (),
    equivalence_p: float | None = None,
    is_equivalent: bool = False,
    alpha: float = 0.05,
) -> Finding:
    """The verdict of one registration.

    Args:
        estimate: None when none was made; then the question must say why.
        equivalence_p: of the two one-sided tests at the margins; None leaves that verdict out.
        is_equivalent: the same decided elsewhere, for methods whose tests give no p-value.

    Raises:
        ValueError: there is an estimate before the window closed, or none without an obstacle.
    """
    if not question.is_closed:
        if estimate is not None:
            raise ValueError("nothing is estimated before the window has closed")
        return Finding(Verdict.IN_PROGRESS, None, False, ("The window is still open.",))
    if question.obstacles:
        return Finding(Verdict.NOT_EVALUABLE, None, False, question.obstacles)
    if estimate is None:
        raise ValueError("a closed question without obstacles has an estimate")
    equal = is_equivalent or (equivalence_p is not None and equivalence_p < alpha)
    reading, practical, reasons = _read(question, estimate, guardrails, equal)
    if question.deviations:
        return Finding(Verdict.EXPLORATORY, reading, False, (*question.deviations, *reasons))
    return Finding(reading, None, practical, reasons)


def _read(
    question: Question,
    estimate: Estimate,
    guardrails: Sequence[Guardrail],
    is_equivalent: bool,
) -> tuple[Verdict, bool, tuple[str, ...]]:
    null, interval = estimate.scale.null, estimate.interval
    rises = interval.low > null
    falls = interval.high < null
    wanted = rises if question.direction is Direction.INCREASE else falls
    unwanted = falls if question.direction is Direction.INCREASE else rises
    states = {guardrail.key: guardrail.state for guardrail in guardrails}
    broken = [key for key, state in states.items() if state is GuardrailState.BREACHED]
    unknown = [key for key, state in states.items() if state is GuardrailState.NOT_EVALUABLE]
    if broken:
        return Verdict.ADVERSE, False, (f"A guardrail is breached: {', '.join(broken)}.",)
    if unwanted:
        return Verdict.ADVERSE, False, ("The whole interval lies on the wrong side.",)
    if wanted and question.doubts:
        return Verdict.INCONCLUSIVE, False, question.doubts
    if wanted and not unknown:
        practical = _clears(question, interval)
        more = "" if practical else " It may be too small to matter: its near bound says so."
        return Verdict.SUPPORTED, practical, (f"The whole interval lies on the right side.{more}",)
    if wanted:
        return (
            Verdict.INCONCLUSIVE,
            False,
            (f"A guardrail could not be evaluated: {', '.join(unknown)}.",),
        )
    if is_equivalent:
        return Verdict.NO_MEANINGFUL_CHANGE, False, ("The effect is too small to matter.",)
    return Verdict.INCONCLUSIVE, False, ("The interval holds both no effect and one that matters.",)


def _clears(question: Question, interval: Interval) -> bool:
    if question.direction is Direction.INCREASE:
        return interval.low >= question.interest
    return interval.high <= question.interest


def events_to_settle(estimate: Estimate, *, alpha: float = 0.05, power: float = 0.8) -> int | None:
    """Events on each side with which an effect of this size would be told from none.

    For ratios of counts, at the dispersion that was seen. None when the estimate is the null.
    """
    if estimate.scale is not Scale.RATIO or not estimate.effect > 0:
        return None
    if not math.isfinite(estimate.effect):
        return None
    dispersion = max(1.0, estimate.dispersion or 1.0)
    return weeks_needed(estimate.effect, 1.0, dispersion=dispersion, alpha=alpha, power=power)


def conservative_benefit(
    estimate: Estimate, finding: Finding, *, direction: Direction, units: float, unit_value: float
) -> float:
    """What is proven to be worth something: value × units × the near bound, 0 without a verdict.

    Only `supported` counts. In the currency of `unit_value`, before cost. For a ratio the effect is
    its distance from 1. Hours that somebody says were saved have no way in.
    """
    if finding.verdict is not Verdict.SUPPORTED:
        return 0.0
    near = estimate.interval.low if direction is Direction.INCREASE else estimate.interval.high
    gained = near - estimate.scale.null
    return unit_value * units * max(0.0, gained if direction is Direction.INCREASE else -gained)
