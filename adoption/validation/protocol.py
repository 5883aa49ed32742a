"""A registered protocol carried out: what was observed in, one outcome out. Pure.

The same protocol and the same observations give the same outcome to the last bit: nothing here
reads a clock, a database or a setting, and all chance comes from the registered seed.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain

from adoption.validation.methods import (
    Method,
    Setting,
    UnitWeeks,
    counts_of,
    estimate,
    is_equivalent,
    levels_of,
    measurements_of,
    placebo,
)
from adoption.validation.missing import Losses, Side, losses
from adoption.validation.placebo import Placebo
from adoption.validation.power import weeks_needed
from adoption.validation.results import Estimate, NotEvaluableError, Scale
from adoption.validation.verdict import (
    Direction,
    Finding,
    Guardrail,
    Question,
    Verdict,
    events_to_settle,
    judge,
    margins,
)

MOST_GAPS = 0.2  # of the weeks of a side; beyond it the rest does not stand for the window


@dataclass(frozen=True, slots=True)
class GuardrailPlan:
    """A guardrail as registered: it gets worse in one direction, and up to a margin it is borne."""

    key: str
    worse: Direction
    margin: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Protocol:
    """What was registered, as far as arithmetic needs it.

    Attributes:
        interest: smallest effect of interest: a ratio, or a difference in the metric's unit.
        minimum_n: events, measurements or units of the baseline below which nothing is estimated.
        gap: weeks of wash-out.
    """

    method: Method
    direction: Direction
    interest: float
    alpha: float
    seed: int
    minimum_n: int
    gap: int = 0
    guardrails: tuple[GuardrailPlan, ...] = ()

    @property
    def setting(self) -> Setting:
        """For the estimators."""
        return Setting(method=self.method, alpha=self.alpha, seed=self.seed, gap=self.gap)


@dataclass(frozen=True, slots=True, kw_only=True)
class Observed:
    """What the windows gave.

    Attributes:
        units: with their weeks of the primary metric.
        guardrails: units with weeks of each guardrail, by its key.
        obstacles: sentences why nothing can be evaluated, known before any number is looked at.
        deviations: sentences what was changed after the launch, or registered after it.
        losses: who opted out and what vanished, before and after; None when nothing was reported.
    """

    units: Sequence[UnitWeeks]
    guardrails: Mapping[str, Sequence[UnitWeeks]] = field(default_factory=dict)
    obstacles: tuple[str, ...] = ()
    deviations: tuple[str, ...] = ()
    losses: tuple[Side, Side] | None = None


@dataclass(frozen=True, slots=True)
class Settling:
    """What would settle it. Events on each side, weeks on each side; None where not known.

    The first pair is for an effect as large as the one seen, the second for the smallest one of
    interest.
    """

    events_for_seen: int | None = None
    weeks_for_seen: int | None = None
    weeks_for_interest: int | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """Everything that a verdict page shows."""

    finding: Finding
    estimate: Estimate | None
    guardrails: tuple[Guardrail, ...]
    placebo: Placebo | None
    losses: Losses | None
    settling: Settling


def sample_size(method: Method, units: Sequence[UnitWeeks], side: str = "before") -> int:
    """What the minimum is held against: events, measurements, or complete treated units."""
    if method.compares_units:
        levels = levels_of(units) if side == "after" else None
        if levels is None:
            return sum(unit.is_treated for unit in units)
        return sum(unit.treated and unit.change is not None for unit in levels)
    if method.scale is Scale.RATIO:
        return sum(count for count in counts_of(units, side) if count is not None)
    return len(measurements_of(units, side))


def _obstacles(protocol: Protocol, observed: Observed, lost: Losses | None) -> tuple[str, ...]:
    found = list(observed.obstacles)
    size = sample_size(protocol.method, observed.units)
    if size < protocol.minimum_n:
        found.append(
            f"The baseline has {size}, and {protocol.minimum_n} were registered as the minimum."
        )
    for side in ("before", "after"):
        weeks = list(chain.from_iterable(getattr(unit, side) for unit in observed.units))
        gaps = sum(week.is_missing for week in weeks)
        if not weeks or gaps > MOST_GAPS * len(weeks):
            found.append(
                f"{gaps} of {len(weeks)} weeks {side} the launch have no data; at most "
                f"{MOST_GAPS:.0%} may be missing."
            )
    if lost is not None and lost.forbids:
        found.append(lost.forbids)
    return tuple(found)


def _guardrail(plan: GuardrailPlan, units: Sequence[UnitWeeks], protocol: Protocol) -> Guardrail:
    counted = any(week.events is not None for unit in units for week in unit.before)
    method = Method.WEEKLY_RATIO if counted else Method.RANK_SHIFT
    try:
        found = estimate(units, replace(protocol.setting, method=method))
    except NotEvaluableError:
        return Guardrail(plan.key, method.scale, plan.worse, plan.margin, None)
    return Guardrail(plan.key, found.scale, plan.worse, plan.margin, found.interval)


def _settling(protocol: Protocol, found: Estimate) -> Settling:
    if found.scale is not Scale.RATIO:
        return Settling()
    rate = found.details.get("rate_before", 0.0)
    noise = max(1.0, found.dispersion or 1.0)
    events = events_to_settle(found, alpha=protocol.alpha)
    wanted = (
        weeks_needed(protocol.interest, rate, dispersion=noise, alpha=protocol.alpha)
        if rate > 0
        else None
    )
    weeks = math.ceil(events / rate) if events is not None and rate > 0 else None
    return Settling(events, weeks, wanted)


def evaluate(protocol: Protocol, observed: Observed) -> Outcome:
    """The outcome of a registration whose window has closed."""
    lost = losses(*observed.losses) if observed.losses is not None else None
    question = Question(
        direction=protocol.direction,
        interest=protocol.interest,
        obstacles=_obstacles(protocol, observed, lost),
        deviations=observed.deviations,
    )
    guardrails = tuple(
        _guardrail(plan, observed.guardrails.get(plan.key, ()), protocol)
        for plan in protocol.guardrails
    )
    found: Estimate | None = None
    if not question.obstacles:
        try:
            found = estimate(observed.units, protocol.setting)
        except NotEvaluableError as error:
            question = replace(question, obstacles=(str(error),))
    if found is None:
        return Outcome(judge(question, None), None, guardrails, None, lost, Settling())
    check = placebo(observed.units, protocol.setting)
    doubts = (_doubt(check),) if check.passed is False else ()
    low, high = margins(found.scale, protocol.interest)
    finding = judge(
        replace(question, doubts=doubts),
        found,
        guardrails=guardrails,
        is_equivalent=is_equivalent(observed.units, protocol.setting, found, low, high),
        alpha=protocol.alpha,
    )
    return Outcome(finding, found, guardrails, check, lost, _settling(protocol, found))


def _doubt(check: Placebo) -> str:
    if check.kind == "placebo_in_unit":
        return f"Units that were not treated changed as much: {check.note}."
    return (
        "The same method finds an effect in the middle of the baseline, where nothing was "
        "launched; so it cannot tell the launch from what went on before."
    )


def is_quotable(verdict: Verdict) -> bool:
    """Whether a verdict may be quoted as validated, whichever way it went."""
    return verdict in (
        Verdict.ADVERSE,
        Verdict.SUPPORTED,
        Verdict.NO_MEANINGFUL_CHANGE,
        Verdict.INCONCLUSIVE,
    )
