"""What a use case has of what its next stage needs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db.models import Count, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce

from adoption.choices import NEXT_STAGES, DeliveryState, MilestoneState, Stage
from adoption.models import Delivery, Milestone, UseCase, UseCaseProfile
from adoption.stage_gates import GateFacts, Requirement, needed_for

_HELD = (DeliveryState.HELD, DeliveryState.CONFIRMED)
_DELIVERED = (DeliveryState.DEPLOYED, *_HELD)
_OF_USE_CASE = ("problem", "hypothesis", "stop_rule", "value_type", "risk_tier")
_OF_PROFILE = ("is_draft", "benefit_unit", "baseline_nano", "expected_nano", "data_class",
               "oversight", "impact_assessment")  # fmt: skip


def profile_of(use_case: UseCase) -> UseCaseProfile:
    """Its record; an empty one that is not stored where nobody has said anything yet."""
    found: UseCaseProfile | None = getattr(use_case, "profile", None)
    return found or UseCaseProfile(use_case_id=use_case.pk)


def gate_facts(use_case: UseCase, profile: UseCaseProfile) -> GateFacts:
    """What the table of `stage_gates.py` asks about. One query."""
    milestones = Milestone.objects.filter(use_case=OuterRef("pk"))
    deliveries = Delivery.objects.filter(use_case=OuterRef("pk"))
    wanted = {
        "milestones": milestones,
        "milestones_reached": milestones.filter(state=MilestoneState.REACHED),
        "delivered": deliveries.filter(state__in=_DELIVERED),
        "held": deliveries.filter(state__in=_HELD),
    }
    counts: dict[str, Any] = dict(
        UseCase.objects.filter(pk=use_case.pk)
        .values(**{f"number_{name}": _count(rows) for name, rows in wanted.items()})
        .get()
    )
    return GateFacts(
        **{name: getattr(use_case, name) for name in _OF_USE_CASE},
        **{name: getattr(profile, name) for name in _OF_PROFILE},
        **{name: counts[f"number_{name}"] for name in wanted},
    )


def _count(rows: QuerySet[Any]) -> Coalesce:
    """How many of `rows` belong to the use case of the outer query."""
    counted = rows.order_by().values("use_case").annotate(number=Count("pk")).values("number")
    return Coalesce(Subquery(counted), 0)


@dataclass(frozen=True, slots=True)
class Check:
    """A line of the checklist."""

    requirement: Requirement
    is_met: bool


@dataclass(frozen=True, slots=True)
class Checklist:
    """What the next stage needs, and what of it is there."""

    stage: Stage
    checks: tuple[Check, ...]

    @property
    def missing(self) -> int:
        """How many lines are not met."""
        return sum(not check.is_met for check in self.checks)


def checklist_of(use_case: UseCase, profile: UseCaseProfile) -> Checklist | None:
    """The checklist of the stage that can be asked for next; None where there is none."""
    following = [stage for stage in NEXT_STAGES[Stage(use_case.stage)] if needed_for(stage)]
    if not following:
        return None
    facts = gate_facts(use_case, profile)
    checks = tuple(Check(each, each.is_met(facts)) for each in needed_for(following[0]))
    return Checklist(following[0], checks)
