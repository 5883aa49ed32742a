"""Registered effects of the demo: one supported whose guardrail held, one gain that was paid for
elsewhere, one open, one that helped nobody, one running.

Through the services that pages use: deliveries are logged and confirmed week by week, registrations
approved by another person before their launch, and judged by the real methods.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from adoption.choices import AiAssistance, RiskTier, Stage, ValueType
from adoption.demo.records import record
from adoption.demo.story import TEAMS
from adoption.impact_guards import REGISTRATION_KIND
from adoption.inventory_choices import DataClass
from adoption.metrics.registry import metrics
from adoption.models import CalibrationRun, ImpactRegistration, Programme, Team, UseCase
from adoption.services.calibration import ask_for_calibration
from adoption.services.deliveries import log_delivery, review_delivery
from adoption.services.impact_decisions import decide_on_verdict, set_unit_value
from adoption.services.impact_plans import GuardrailWish, plan_of
from adoption.services.impact_registrations import register_impact
from adoption.services.impact_verdicts import evaluate_registration, progress_of
from adoption.services.impact_wishes import Wish
from adoption.services.milestones import create_milestone
from adoption.services.stages import request_stage
from adoption.services.use_cases import create_use_case
from adoption.validation.methods import Method
from portal.choices import ApprovalOutcome
from portal.demo import SEED, DemoContext
from portal.models import ApprovalRequest
from portal.selectors.pending_approvals import pending_request
from portal.services.approvals import decide
from portal.shell.money import NANO_PER_UNIT

WEEK = dt.timedelta(weeks=1)


@dataclass(frozen=True, slots=True)
class ImpactPlan:
    """One registered effect of the story.

    Attributes:
        before, after: confirmed deliveries week by week, repeated as needed.
        interest_percent: smallest change that matters.
        launched: weeks before today on which it is launched.
        decision: kind and reason, or none.
        worth: of one delivery in US dollars, or none.
        borne: by how many per cent more may be taken back, as a guardrail; none without it.
        refused: pieces that the reviewer refused, a week before and a week after.
        monthly: what its models cost a month from the launch, in whole US dollars.
    """

    title: str
    team: str
    owner: str
    hypothesis: str
    before: tuple[int, ...]
    after: tuple[int, ...]
    interest_percent: int
    launched: int
    decision: tuple[str, str] | None = None
    worth: int | None = None
    borne: int | None = None
    refused: tuple[tuple[int, ...], tuple[int, ...]] = ((0,), (0,))
    monthly: int = 0


PLANS = (
    ImpactPlan(
        "Answer drafts for the service desk", "Customer Support", "owner",
        "If a draft with its source lies ready, at least a third more guides are finished each "
        "week, because writing is no longer the slow part.",
        (5, 4, 6, 5, 4, 5), (9, 8, 10, 9, 8, 9), 30, 26,
        ("scale", "To the second and third desk; the same test runs there."), 85,
        borne=75, refused=((2, 3), (2, 2)), monthly=140,
    ),
    ImpactPlan(
        "Product texts from data sheets", "Checkout", "priya",
        "If texts are written from the data sheet, half again as many appear each week, and no "
        "more of them than before have to be taken back.",
        (5, 4, 6, 5, 4, 5), (11, 10, 12, 11, 10, 11), 50, 23,
        ("change", "Twice as many texts, and four times as many wrong ones: the data sheets are "
         "mended before the texts are written."),
        borne=50, refused=((1, 1), (5, 4)),
    ),
    ImpactPlan(
        "Partner notes in three languages", "Growth Tools", "tariq",
        "If notes are translated by a model and checked, half again as many appear.",
        (2, 3, 2, 1, 3, 2), (3, 2, 3, 3, 2, 3), 50, 24,
        ("change", "Pooled with the other markets, since one market alone can never settle it."),
        monthly=60,
    ),
    ImpactPlan(
        "Minutes with actions", "Operations", "finance",
        "If minutes write themselves, more decisions are recorded each week.",
        (8, 7, 9, 8, 7, 8), (4, 5, 4, 3, 5, 4), 25, 25,
        ("stop", "Fewer decisions were recorded, not more: nobody read what nobody had written."),
    ),
    ImpactPlan(
        "Test data for integration tests", "Platform", "oskar",
        "If test data are made by description, a quarter more suites are finished.",
        (4, 5, 3, 4, 4, 5), (5, 4, 5, 6), 25, 7,
    ),
)  # fmt: skip


def _at(day: dt.date, hour: int = 10) -> dt.datetime:
    return dt.datetime.combine(day, dt.time(hour), tzinfo=dt.UTC)


def build_impact(context: DemoContext) -> None:
    """Build what is not there yet, judge what is due, and decide."""
    context.say("Registered effects and verdicts")
    programme = Programme.objects.order_by("pk").first()
    assert programme is not None  # noqa: S101  (an earlier step made it)
    for plan in PLANS:
        use_case = UseCase.objects.filter(title=plan.title).first()
        if use_case is None:
            use_case = _build(context, plan, programme)
        registration = use_case.registrations.order_by("pk").first()
        if registration is not None and plan.monthly:
            spender = (use_case.slug, plan.team, plan.monthly, registration.launch_on, None)
            context.shared["spenders"].append(spender)  # for the room above, which makes the bills
        if registration is None or registration.verdicts.exists():
            continue
        if progress_of(plan_of(registration), at=context.now).judged_from <= context.now:
            _judge(context, plan, registration)
    if not CalibrationRun.objects.exists():  # done by the worker, after the demo has started
        ask_for_calibration(
            runs=100, seed=SEED, at=context.now, methods=[Method.WEEKLY_RATIO]
        )  # fmt: skip


def _build(context: DemoContext, plan: ImpactPlan, programme: Programme) -> UseCase:
    launch = context.now.date() - plan.launched * WEEK
    begun = launch - 40 * WEEK
    owner = context.people[plan.owner]
    use_case = create_use_case(
        title=plan.title, programme=programme, team=Team.objects.get(name=plan.team), owner=owner,
        value_type=ValueType.MANUAL_WORK, risk_tier=RiskTier.MINIMAL,
        profile=_profile(plan), problem="What comes out each week is counted; hours that "
        "somebody says were saved are not.", hypothesis=plan.hypothesis,
        stop_rule="Stop when the interval lies below no change.", actor=owner, at=_at(begun),
    )  # fmt: skip
    _stage(context, use_case, Stage.APPROVED, begun + WEEK)
    create_milestone(
        use_case_id=use_case.pk, title="Fifty held deliveries", due_on=launch + 20 * WEEK,
        metric_key="held_deliveries", comparator="gte", threshold_nano=50 * NANO_PER_UNIT,
        currency="", actor=owner, at=_at(begun + 2 * WEEK),
    )  # fmt: skip
    registration = _register(context, plan, use_case, launch)
    _stage(context, use_case, Stage.PILOT, launch)
    _deliver(context, plan, registration)
    return use_case


def _profile(plan: ImpactPlan) -> dict[str, Any]:
    """What the first stages ask for: today's number, and the one that is hoped for."""
    usual = Decimal(sum(plan.before)) / len(plan.before)
    hoped = usual * (100 + plan.interest_percent) / 100
    return record(
        "Deliveries that hold", "deliveries per week", f"{usual:.1f}", f"{hoped:.1f}",
        "No more of them are undone than before", DataClass.INTERNAL,
    )  # fmt: skip


def _stage(context: DemoContext, use_case: UseCase, stage: Stage, day: dt.date) -> None:
    use_case.refresh_from_db()
    request = request_stage(
        use_case_id=use_case.pk, to_stage=stage, expected_version=use_case.version,
        actor=use_case.owner, at=_at(day, 7),
    )  # fmt: skip
    _approve(context, request, _at(day, 8))


def _approve(context: DemoContext, request: ApprovalRequest, at: dt.datetime) -> None:
    decide(
        request_id=request.pk, approver=context.people["approver"],
        outcome=ApprovalOutcome.APPROVE, seen_hash=request.content_hash, reason="", at=at,
    )  # fmt: skip


def _register(
    context: DemoContext, plan: ImpactPlan, use_case: UseCase, launch: dt.date
) -> ImpactRegistration:
    """Deliveries of the baseline first: what it can show is computed when it is written."""
    written = launch - 3 * WEEK
    before = (plan.before, plan.refused[0])
    _confirm(context, plan, use_case, launch - 32 * WEEK, written, before)
    made = register_impact(
        use_case_id=use_case.pk,
        wish=Wish(
            hypothesis=plan.hypothesis, direction="increase", metric_key="held_deliveries_weekly",
            launch_on=launch, interest_nano=NANO_PER_UNIT * (100 + plan.interest_percent) // 100,
            guardrails=_guardrails(plan),
        ),
        actor=use_case.owner, at=_at(written),
    )  # fmt: skip
    request = pending_request(REGISTRATION_KIND, str(made.pk))
    assert request is not None  # noqa: S101  (registering asks for it)
    _approve(context, request, _at(written + dt.timedelta(days=1)))
    return made


def _guardrails(plan: ImpactPlan) -> list[GuardrailWish]:
    if plan.borne is None:
        return []
    metric = metrics.get("taken_back_deliveries_weekly")
    return [
        GuardrailWish(
            metric_key=metric.key, metric_version=metric.version, worse="increase",
            margin_nano=NANO_PER_UNIT * (100 + plan.borne) // 100,
        )
    ]  # fmt: skip


def _deliver(context: DemoContext, plan: ImpactPlan, registration: ImpactRegistration) -> None:
    before, after = (plan.before, plan.refused[0]), (plan.after, plan.refused[1])
    written = registration.created_at.date()
    _confirm(context, plan, registration.use_case, written, registration.launch_on, before)
    end = min(registration.after_ends_on, context.now.date())
    _confirm(context, plan, registration.use_case, registration.after_starts_on, end, after)


def _confirm(
    context: DemoContext, plan: ImpactPlan, use_case: UseCase, first: dt.date, last: dt.date,
    counts: tuple[tuple[int, ...], tuple[int, ...]],
) -> None:  # fmt: skip
    """Work that is not code, logged by the team; the owner confirms it in the same week, and
    refuses some of it."""
    members = next(team.members for team in TEAMS if team.name == plan.team)
    people = [context.people[name] for name in members if name != plan.owner]
    people = people or [context.people["employee"]]
    good, refused = counts
    for week in range((last - first) // WEEK):
        held = good[week % len(good)]
        for number in range(held + refused[week % len(refused)]):
            day = first + week * WEEK + dt.timedelta(days=number % 5)
            delivery = log_delivery(
                use_case=use_case, title=f"{plan.title}: piece {number + 1} of {day}",
                link=f"https://wiki.acme.example/{use_case.slug}/{day}-{number + 1}",
                actor=people[number % len(people)], assistance=AiAssistance.ASSISTED,
                at=_at(day, 9),
            )  # fmt: skip
            is_good = number < held
            review_delivery(
                delivery=delivery, accept=is_good, reviewer=use_case.owner, at=_at(day, 15),
                reason="" if is_good else "Wrong in substance; taken back.",
            )  # fmt: skip


def _judge(context: DemoContext, plan: ImpactPlan, registration: ImpactRegistration) -> None:
    verdict = evaluate_registration(registration_id=registration.pk, at=context.now).verdict
    if plan.worth is not None:
        set_unit_value(
            use_case_id=registration.use_case_id, metric_key="held_deliveries_weekly",
            amount_nano=plan.worth * NANO_PER_UNIT, owner=context.people["finance"],
            grounds="What the agency charged for one guide until last year.",
            actor=context.people["finance"], at=context.now,
        )  # fmt: skip
    if plan.decision is not None:
        kind, reason = plan.decision
        decide_on_verdict(
            verdict_id=verdict.pk, kind=kind, reason=reason, actor=context.people["lead"],
            at=context.now,
        )  # fmt: skip
