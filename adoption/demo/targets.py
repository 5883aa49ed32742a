"""Adoption targets and attested milestones of the demo programme."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any, NamedTuple

from django.utils import timezone

from adoption.approvals import ATTESTATION_KIND
from adoption.choices import AttestedOutcome, Comparator, MilestoneState, ScopeKind
from adoption.models import AdoptionTarget, Milestone, UseCase
from adoption.services.attestations import create_attested_milestone, request_attestation
from adoption.services.target_measuring import measure_targets
from adoption.services.target_rules import BadTargetError, TargetDraft
from adoption.services.targets import create_target
from portal.choices import ApprovalOutcome
from portal.demo import DemoContext
from portal.selectors.pending_approvals import pending_request
from portal.services.approvals import decide
from portal.shell.money import NANO_PER_UNIT


class TargetPlan(NamedTuple):
    """A target: its sentence, use case and milestone, and days counted from now."""

    title: str
    use_case: str
    milestone: str
    scope: ScopeKind
    metric: str
    value_nano: int
    set_days_ago: int
    due_in_days: int


_HELD = "held_deliveries"
TARGETS = (
    TargetPlan(
        "Eighty deliveries of checkout that hold", "Test generation for the checkout service",
        "150 held deliveries", ScopeKind.USE_CASE, _HELD, 80 * NANO_PER_UNIT, 240, -90,
    ),
    TargetPlan(
        "Ninety-five experiments that hold", "Growth experiments written by agents",
        "100 held deliveries", ScopeKind.USE_CASE, _HELD, 95 * NANO_PER_UNIT, 330, -190,
    ),
    TargetPlan(
        "Twenty vulnerability fixes that hold", "Vulnerability fixes proposed with the finding",
        "40 held deliveries", ScopeKind.USE_CASE, _HELD, 20 * NANO_PER_UNIT, 120, -40,
    ),
    TargetPlan(
        "Sixty search changes that hold", "Search relevance reviews",
        "60 held deliveries", ScopeKind.USE_CASE, _HELD, 60 * NANO_PER_UNIT, 150, 21,
    ),
    TargetPlan(
        "Four hundred held deliveries in Product Engineering", "Search relevance reviews",
        "60 held deliveries", ScopeKind.TEAM, _HELD, 400 * NANO_PER_UNIT, 200, 25,
    ),
)  # fmt: skip


def build_targets(context: DemoContext) -> None:
    """Set the targets of the story when they were set, then measure them as they are now."""
    known = set(AdoptionTarget.objects.values_list("title", flat=True))
    missing = [plan for plan in TARGETS if plan.title not in known]
    if not missing:
        return
    context.say("Adoption targets")
    for plan in missing:
        _build(context, plan)
    measure_targets(at=timezone.now())


def _build(context: DemoContext, plan: TargetPlan) -> None:
    milestone = Milestone.objects.select_related("use_case__team__parent").filter(
        use_case__title=plan.use_case, title=plan.milestone
    ).first()  # fmt: skip
    if milestone is None:
        return
    due_on: date = (context.now + timedelta(days=plan.due_in_days)).date()
    team = milestone.use_case.team
    scopes = {
        ScopeKind.USE_CASE: milestone.use_case_id,
        ScopeKind.PROGRAMME: milestone.use_case.programme_id,
        ScopeKind.TEAM: (team.parent or team).pk,
    }
    draft = TargetDraft(
        title=plan.title, milestone_id=milestone.pk, scope_kind=plan.scope,
        scope_id=scopes[plan.scope], metric_key=plan.metric, comparator=Comparator.AT_LEAST,
        threshold_nano=plan.value_nano, due_on=min(due_on, milestone.due_on),
    )  # fmt: skip
    is_wider = plan.scope != ScopeKind.USE_CASE
    actor = context.people["lead"] if is_wider else milestone.use_case.owner
    try:
        create_target(draft=draft, actor=actor, at=context.now - timedelta(days=plan.set_days_ago))
    except BadTargetError as error:
        context.say(f"“{plan.title}” does not fit this story: {error.reason}")


def attest(context: DemoContext) -> None:
    """One attested milestone that is confirmed, and one that waits for a second person."""
    use_case = UseCase.objects.get(title="Support replies with sources")
    signed: dict[str, Any] = {
        "title": "Agreement with the works council", "outcome": AttestedOutcome.AGREEMENT,
        "said": "The agreement on drafted replies is signed by both sides; see the minutes.",
    }  # fmt: skip
    trained: dict[str, Any] = {
        "title": "Every agent of the desk is trained", "outcome": AttestedOutcome.TRAINING,
        "said": "All 40 agents took part in one of five dates; the list is with the minutes.",
    }  # fmt: skip
    for plan, days_ago in ((signed, 60), (trained, 2)):
        milestone = _attested_milestone(context, use_case, plan)
        if milestone.state == MilestoneState.REACHED or pending_request(
            ATTESTATION_KIND, str(milestone.pk)
        ):
            continue
        at = context.now - timedelta(days=days_ago)
        request = request_attestation(
            milestone_id=milestone.pk, expected_version=milestone.version,
            statement=plan["said"], link="https://wiki.acme.example/support/minutes",
            happened_on=(at - timedelta(days=1)).date(), actor=use_case.owner, at=at,
        )  # fmt: skip
        if plan is signed:
            decide(
                request_id=request.pk, approver=context.people["lead"],
                outcome=ApprovalOutcome.APPROVE, seen_hash=request.content_hash, reason="",
                at=at + timedelta(days=1),
            )  # fmt: skip


def _attested_milestone(context: DemoContext, use_case: UseCase, plan: dict[str, Any]) -> Milestone:
    known = use_case.milestones.filter(title=plan["title"]).first()
    if known is not None:
        return known
    return create_attested_milestone(
        use_case_id=use_case.pk, title=plan["title"], outcome=plan["outcome"],
        due_on=(context.now + timedelta(days=30)).date(), actor=use_case.owner,
        at=context.now - timedelta(days=90),
    )  # fmt: skip
