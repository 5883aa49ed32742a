"""What adoption shows on the home page."""

from __future__ import annotations

from typing import Any, NamedTuple

from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone

from adoption.choices import MilestoneState
from adoption.policies import may_edit_programmes, may_see_registry
from adoption.selectors.benefits import own_vague_benefits
from adoption.selectors.decisions_due import decisions_due
from adoption.selectors.milestones import (
    milestone_standings,
    milestones_needing_a_look,
    milestones_visible_to,
    standing_of_milestone,
)
from adoption.selectors.programmes import programmes_visible_to
from adoption.selectors.targets import standing_of_target, targets_at_risk
from adoption.selectors.teams import teams_visible_to
from adoption.selectors.use_cases import ENDED_STAGES, proposals_waiting, use_cases_visible_to
from portal.choices import Role
from portal.policies import holds, may_see_imports

_SHOWN = 8


class FirstStep(NamedTuple):
    """One of what an empty portal needs; without an address it is somebody else's to do."""

    label: str
    text: str
    url: str
    is_done: bool


def first_steps(request: HttpRequest) -> dict[str, Any] | None:
    """What comes first, in this order, until a use case is registered."""
    user = request.user
    if not may_see_registry(user) or use_cases_visible_to(user).exists():
        return None
    may_frame = may_edit_programmes(user)
    steps = [
        FirstStep(
            "Create a programme",
            "Its period, currency and time zone; everything else belongs to it.",
            reverse("programme-new") if may_frame else "",
            programmes_visible_to(user).exists(),
        ),
        FirstStep(
            "Create teams",
            "One by one, from a file, or from groups of the sign-in.",
            reverse("team-list") if may_frame else "",
            teams_visible_to(user).exists(),
        ),
        FirstStep(
            "Register a use case",
            "A problem worth solving, with an owner and a stop rule.",
            reverse("use-case-new"),
            is_done=False,
        ),
    ]
    if may_see_imports(user):
        text = "Connections bring bills and histories, from files or by themselves."
        steps.append(FirstStep("Connect sources", text, reverse("connection-list"), is_done=False))
    return {"steps": steps}


def my_use_cases(request: HttpRequest) -> dict[str, Any] | None:
    """The use cases that this person owns and that run, each with what is due next."""
    now = timezone.now()
    owned = (
        use_cases_visible_to(request.user)
        .filter(owner=request.user.pk)
        .exclude(stage__in=ENDED_STAGES)
    )
    shown = list(owned.select_related("team").order_by("title", "pk")[: _SHOWN + 1])
    if not shown:
        return None
    standings = milestone_standings(use_case_ids=[row.pk for row in shown], now=now)
    rows = []
    for use_case in shown[:_SHOWN]:
        milestones = standings.get(use_case.pk, [])
        by_state: dict[str, list[Any]] = {}
        for standing in milestones:
            by_state.setdefault(standing.milestone.state, []).append(standing)
        rows.append(
            {
                "use_case": use_case,
                "next": next(iter(by_state.get(MilestoneState.OPEN, [])), None),
                "missed": by_state.get(MilestoneState.MISSED, []),
                "has_milestones": bool(milestones),
            }
        )
    return {"rows": rows, "is_cut": len(shown) > _SHOWN, "portfolio_url": reverse("portfolio")}


def vague_benefits(request: HttpRequest) -> dict[str, Any] | None:
    """The use cases of this person whose stated benefit nothing can be held against."""
    found = list(own_vague_benefits(request.user)[: _SHOWN + 1])
    if not found:
        return None
    return {
        "use_cases": found[:_SHOWN],
        "is_cut": len(found) > _SHOWN,
        "portfolio_url": f"{reverse('portfolio')}?benefit=no_number",
    }


def milestones_due(request: HttpRequest) -> dict[str, Any] | None:
    """For programme leads: milestones missed or due in 30 days, over all use cases that run."""
    if not holds(request.user, Role.PROGRAMME_LEAD):
        return None
    now = timezone.now()
    rows = milestones_needing_a_look(request.user, now=now)
    found = list(rows[: _SHOWN + 1])
    if not found:
        return None
    return {
        "standings": [standing_of_milestone(row, now=now) for row in found[:_SHOWN]],
        "is_cut": len(found) > _SHOWN,
        "portfolio_url": f"{reverse('portfolio')}?stage=active&sort=due",
    }


def at_risk_and_due(request: HttpRequest) -> dict[str, Any] | None:
    """For owners: what is at risk among their promises, and which decisions are due."""
    user = request.user
    if user.pk is None:
        return None
    now = timezone.now()
    milestones = (
        milestones_visible_to(user)
        .filter(use_case__owner=user.pk, state=MilestoneState.OPEN, risk__gt="")
        .exclude(use_case__stage__in=ENDED_STAGES)
        .select_related("use_case__programme", "use_case__owner")
        .order_by("due_on", "pk")
    )
    targets = targets_at_risk(user)
    found = {
        "milestones": [standing_of_milestone(each, now=now) for each in milestones[:_SHOWN]],
        "targets": [standing_of_target(each, now=now) for each in targets[:_SHOWN]],
        "decisions": decisions_due(user, now=now, owner_id=user.pk)[:_SHOWN],
    }
    return found if any(found.values()) else None


def proposals(request: HttpRequest) -> dict[str, Any] | None:
    """For programme leads: proposed use cases that wait for a decision."""
    if not holds(request.user, Role.PROGRAMME_LEAD):
        return None
    found = list(proposals_waiting(request.user)[: _SHOWN + 1])
    if not found:
        return None
    return {
        "use_cases": found[:_SHOWN],
        "is_cut": len(found) > _SHOWN,
        "portfolio_url": f"{reverse('portfolio')}?stage=proposed",
    }
