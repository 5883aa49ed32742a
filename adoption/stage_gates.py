"""What a use case needs before a stage can be asked for: one table, shown as a checklist.

Pure. `selectors/stage_gates.py` gathers the facts, `services/stages.py` refuses by them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from adoption.choices import RiskTier, Stage, ValueType
from adoption.inventory_choices import Practice

# The stages that are asked for, in their order.
_ORDER = (Stage.APPROVED, Stage.PILOT, Stage.LIVE, Stage.VALIDATED)


@dataclass(frozen=True, slots=True)
class GateFacts:
    """What is known about a use case that a stage asks about."""

    is_draft: bool = False
    problem: str = ""
    hypothesis: str = ""
    stop_rule: str = ""
    value_type: str = ValueType.NOT_STATED
    risk_tier: str = RiskTier.NOT_STATED
    benefit_unit: str = ""
    baseline_nano: int | None = None
    expected_nano: int | None = None
    data_class: str = ""
    oversight: str = ""
    impact_assessment: str = ""
    milestones: int = 0
    milestones_reached: int = 0
    delivered: int = 0  # in production, held, or confirmed work that is not code
    held: int = 0  # held, or confirmed


@dataclass(frozen=True, slots=True)
class Requirement:
    """One line of the checklist.

    Attributes:
        key: stable name.
        stage: needed for this stage and for those after it.
        label: what is needed, as a noun.
        how: where it comes from, for people.
        is_met: whether the facts say so.
        route: the page that mends it; empty where time or somebody else does.
    """

    key: str
    stage: Stage
    label: str
    how: str
    is_met: Callable[[GateFacts], bool]
    route: str = ""


def _has_benefit(facts: GateFacts) -> bool:
    numbers = (facts.baseline_nano, facts.expected_nano)
    return bool(facts.benefit_unit) and None not in numbers


def _is_assessed(facts: GateFacts) -> bool:
    if facts.risk_tier != RiskTier.HIGH:
        return True
    return facts.impact_assessment == Practice.YES and bool(facts.oversight)


_EDIT, _BENEFIT, _RISK = "use-case-edit", "registration-benefit", "registration-risk"
_RECORD = "use-case-record-edit"
REQUIREMENTS = (
    Requirement("registered", Stage.APPROVED, "a finished registration",
                "Go through the third step and register it.", lambda facts: not facts.is_draft,
                _RISK),
    Requirement("problem", Stage.APPROVED, "a problem",
                "Say what is slow, costly or wrong today, and for whom.",
                lambda facts: bool(facts.problem), _EDIT),
    Requirement("hypothesis", Stage.APPROVED, "a hypothesis",
                "One sentence that can turn out wrong.", lambda facts: bool(facts.hypothesis),
                _EDIT),
    Requirement("value_type", Stage.APPROVED, "a value type", "Say what it is for.",
                lambda facts: facts.value_type != ValueType.NOT_STATED, _EDIT),
    Requirement("risk_tier", Stage.APPROVED, "a risk tier", "Say which one it is.",
                lambda facts: facts.risk_tier != RiskTier.NOT_STATED, _EDIT),
    Requirement("permitted", Stage.APPROVED, "a use that is not prohibited",
                "What is prohibited is approved by nobody.",
                lambda facts: facts.risk_tier != RiskTier.PROHIBITED, _EDIT),
    Requirement("benefit", Stage.APPROVED, "a benefit with number, unit and baseline",
                "Say what is measured, what it is today and what it should become.", _has_benefit,
                _BENEFIT),
    Requirement("stop_rule", Stage.PILOT, "a stop rule",
                "Say which measured result would end it.", lambda facts: bool(facts.stop_rule),
                _EDIT),
    Requirement("milestone", Stage.PILOT, "a milestone with a measure",
                "Promise one that a measure can confirm by a day.",
                lambda facts: facts.milestones > 0, "milestone-new"),
    Requirement("data_class", Stage.PILOT, "a data class",
                "Say which is the most sensitive data that it touches.",
                lambda facts: bool(facts.data_class), _RISK),
    Requirement("delivery", Stage.LIVE, "a delivery in production",
                "Log what was delivered; work that is not code counts once it is confirmed.",
                lambda facts: facts.delivered > 0),
    Requirement("assessment", Stage.LIVE,
                "for high risk, a completed impact assessment and human oversight",
                "State both in the record.", _is_assessed, _RECORD),
    Requirement("reached", Stage.VALIDATED, "a milestone that was reached",
                "Its measure says so, nobody else.", lambda facts: facts.milestones_reached > 0),
    Requirement("held", Stage.VALIDATED, "a delivery that held",
                "In production for the survival window without being undone, or confirmed.",
                lambda facts: facts.held > 0),
)  # fmt: skip


def needed_for(stage: Stage) -> tuple[Requirement, ...]:
    """What `stage` needs, with what the stages before it need. Nothing for an end."""
    if stage not in _ORDER:
        return ()
    last = _ORDER.index(stage)
    return tuple(each for each in REQUIREMENTS if _ORDER.index(each.stage) <= last)


def missing_for(stage: Stage, facts: GateFacts) -> tuple[Requirement, ...]:
    """What is missing for `stage`, in the order of the table."""
    return tuple(each for each in needed_for(stage) if not each.is_met(facts))
