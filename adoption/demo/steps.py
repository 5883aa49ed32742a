"""Adoption's steps of the demo: the programme, its histories, and what people logged."""

from __future__ import annotations

import itertools
import random
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any

from django.conf import settings
from django.utils import timezone

from adoption.approvals import STAGE_KIND
from adoption.choices import STAGES_THAT_NEED_APPROVAL, AiAssistance, Stage
from adoption.demo.histories import write_history
from adoption.demo.records import DRAFTS, PROSE, PUBLIC, RECORDS
from adoption.demo.story import TEAMS, USE_CASES, MilestonePlan, UseCasePlan
from adoption.metrics.registry import metrics
from adoption.models import (
    AdoptionTarget,
    Delivery,
    Identity,
    Programme,
    Repository,
    Team,
    UseCase,
)
from adoption.selectors.changes import changes_to_log
from adoption.services.deliveries import log_delivery, review_delivery
from adoption.services.follow_up import refresh_outcomes
from adoption.services.identities import link_identity
from adoption.services.milestones import create_milestone
from adoption.services.programmes import create_programme
from adoption.services.stages import end_use_case, request_stage
from adoption.services.teams import add_membership, create_team
from adoption.services.use_cases import create_use_case, link_repository
from adoption.sources.git.collect import collect_history
from portal.choices import ApprovalOutcome, RunTrigger
from portal.demo import SEED, DemoContext
from portal.imports.runner import execute_run
from portal.models import Connection
from portal.selectors.pending_approvals import pending_request
from portal.services.approvals import decide
from portal.services.connections import create_connection
from portal.services.imports import request_import
from portal.shell.money import NANO_PER_UNIT

PROGRAMME = "AI adoption programme"
REAL_HISTORIES = (
    ("llm", "A language-model command line, as its public history shows it",
     "https://github.com/simonw/llm"),
    ("bootc", "Bootable containers, as their public history shows them",
     "https://github.com/bootc-dev/bootc"),
)  # fmt: skip


def _moment(first: date, months: int, *, day: int = 3, hour: int = 10) -> datetime:
    index = first.year * 12 + first.month - 1 + months
    return datetime.combine(date(index // 12, index % 12 + 1, day), time(hour), tzinfo=UTC)


def _anchor(context: DemoContext) -> date:
    """The programme's first month: kept by the programme itself once it exists."""
    known = Programme.objects.filter(name=PROGRAMME).first()
    if known is not None:
        context.first_month = known.starts_on
    return context.first_month


def build_programme(context: DemoContext) -> None:
    """Programme, teams with members, and use cases with their stages."""
    first = _anchor(context)
    context.say("Programme, teams and use cases")
    lead = context.people["lead"]
    programme = Programme.objects.filter(name=PROGRAMME).first() or create_programme(
        name=PROGRAMME, owner=lead, currency="USD", starts_on=first,
        time_zone="Europe/Amsterdam", actor=lead, at=_moment(first, 0),
    )  # fmt: skip
    teams = _build_teams(context, first)
    for plan in USE_CASES:
        if not UseCase.objects.filter(title=plan.title).exists():
            _build_use_case(context, plan, programme, teams[plan.team], first)
    slugs = dict(UseCase.objects.filter(programme=programme).values_list("title", "slug"))
    # What the room above needs to make up bills: plain values, no models.
    context.shared["spenders"] = [
        (
            slugs[plan.title],
            plan.team,
            plan.monthly_cost,
            _moment(first, plan.stages[0][1], day=1).date(),
            _month_of_end(plan, first),
        )
        for plan in USE_CASES
        if plan.stages
    ]


def _month_of_end(plan: UseCasePlan, first: date) -> date | None:
    ends = [months for stage, months, _ in plan.stages if stage in (Stage.STOPPED, Stage.RETIRED)]
    return _moment(first, ends[0], day=1).date() if ends else None


def _build_teams(context: DemoContext, first: date) -> dict[str, Team]:
    lead = context.people["lead"]
    teams: dict[str, Team] = {}
    for plan in TEAMS:
        team = Team.objects.filter(name=plan.name).first()
        if team is None:
            team = create_team(
                name=plan.name, parent=teams.get(plan.parent), actor=lead, at=_moment(first, 0)
            )
            for username in plan.members:
                add_membership(
                    team_id=team.pk, user=context.people[username], starts_on=first,
                    actor=lead, at=_moment(first, 0),
                )  # fmt: skip
        teams[plan.name] = team
    return teams


def _build_use_case(
    context: DemoContext, plan: UseCasePlan, programme: Programme, team: Team, first: date
) -> None:
    owner = context.people[plan.owner]
    use_case = create_use_case(
        title=plan.title, programme=programme, team=team, owner=owner,
        value_type=plan.value_type, risk_tier=plan.risk_tier, problem=plan.problem,
        hypothesis=plan.hypothesis, stop_rule=plan.stop_rule, actor=owner,
        profile=RECORDS.get(plan.title) or PROSE.get(plan.title),
        is_draft=plan.title in DRAFTS,
        at=_moment(first, max(0, (plan.stages[0][1] if plan.stages else 13) - 1)),
    )  # fmt: skip
    # A pilot needs a promise, and what goes live a delivery: the later stages follow those.
    for milestone in plan.milestones:
        _build_milestone(use_case, milestone, first)
    early = itertools.takewhile(lambda step: step[0] != Stage.LIVE, plan.stages)
    for stage, months, reason in early:
        _build_stage(context, use_case, stage, reason, _moment(first, months, day=12))


def build_later_stages(context: DemoContext) -> None:
    """Live and what follows, on the evidence of deliveries and milestones that were measured."""
    first = _anchor(context)
    if not _is_built():
        refresh_outcomes(at=context.now)
    for plan in USE_CASES:
        use_case = UseCase.objects.get(title=plan.title)
        done = set(use_case.stage_changes.values_list("to_stage", flat=True))
        for stage, months, reason in plan.stages:
            if stage not in done:
                _build_stage(context, use_case, stage, reason, _moment(first, months, day=12))


def _build_stage(
    context: DemoContext, use_case: UseCase, stage: Stage, reason: str, at: datetime
) -> None:
    """The owner asks and a day later a programme lead approves; an end takes no second person."""
    use_case.refresh_from_db()
    asked: dict[str, Any] = {
        "use_case_id": use_case.pk, "to_stage": stage, "expected_version": use_case.version,
        "reason": reason,
    }  # fmt: skip
    if stage not in STAGES_THAT_NEED_APPROVAL:
        end_use_case(**asked, actor=context.people["lead"], at=at)
        return
    request = request_stage(**asked, actor=use_case.owner, at=at - timedelta(days=1))
    lead, approver = context.people["lead"], context.people["approver"]
    decide(
        request_id=request.pk, approver=approver if use_case.owner == lead else lead,
        outcome=ApprovalOutcome.APPROVE, seen_hash=request.content_hash, reason="", at=at,
    )  # fmt: skip


def _build_milestone(use_case: UseCase, plan: MilestonePlan, first: date) -> None:
    if plan.metric not in metrics:
        return  # cost metrics come from the room above, which an installation may lack
    is_money = plan.metric == "effective_cost_per_held_delivery"
    create_milestone(
        use_case_id=use_case.pk, title=plan.title,
        due_on=_moment(first, plan.month, day=28).date(), metric_key=plan.metric,
        comparator=plan.comparator, threshold_nano=plan.threshold * NANO_PER_UNIT,
        currency="USD" if is_money else "", actor=use_case.owner,
        at=_moment(first, max(0, plan.month - 6), day=14),
    )  # fmt: skip


def build_histories(context: DemoContext) -> None:
    """Import every repository of the story, and the public ones where they are at hand."""
    first = _anchor(context)
    for plan in USE_CASES:
        if plan.history is None:
            continue
        use_case = UseCase.objects.get(title=plan.title)
        slug = plan.history.repository.replace("/", "-")
        if Connection.objects.filter(slug=slug, runs__status="applied").exists():
            continue
        context.say(f"History of {plan.history.repository}")
        folder = context.spool / slug
        folder.mkdir()
        team = next(item for item in TEAMS if item.name == plan.team)
        start = _moment(first, max(0, plan.stages[0][1]) if plan.stages else 0)
        write_history(
            plan.history,
            people=[
                (context.people[name].get_full_name(), context.people[name].email)
                for name in team.members
            ],
            start=start.date(),
            end=_end_of(plan, first, context.now),
            seed=SEED,
            folder=folder,
        )
        url = f"https://git.acme.example/{plan.history.repository}"
        _import_history(context, slug, plan.history.repository, url, folder)
        _link(context, use_case, plan.history.repository, start.date())
    _resolve_identities(context)


def _end_of(plan: UseCasePlan, first: date, now: datetime) -> datetime:
    """A stopped or retired use case has no commits after that."""
    end = _month_of_end(plan, first)
    return min(now, _moment(end, 0, day=12)) if end else now


def _import_history(
    context: DemoContext, slug: str, repository: str, url: str, folder: Path
) -> None:
    connection = Connection.objects.filter(slug=slug).first() or create_connection(
        slug=slug, source="git", name=f"Git: {repository}", at=context.now,
        config={"repository": repository, "url": url, "tags_are_production": True},
        actor=context.people["admin"],
    )  # fmt: skip
    run = request_import(
        connection=connection, inputs=collect_history([folder], context.spool),
        trigger=RunTrigger.COMMAND, at=timezone.now(), actor=context.people["admin"],
    )  # fmt: skip
    execute_run(run.pk, clock=timezone.now)


def _link(context: DemoContext, use_case: UseCase, repository: str, start: date) -> None:
    row = Repository.objects.get(key=repository)
    if not use_case.repository_links.filter(repository=row).exists():
        link_repository(
            use_case_id=use_case.pk, repository=row, starts_on=start,
            actor=context.people["lead"], at=context.now,
        )  # fmt: skip


def _resolve_identities(context: DemoContext) -> None:
    """Everybody but two: what nobody has resolved stays in the queue."""
    for username, user in context.people.items():
        if username in ("bea", "tariq"):
            continue
        for identity in Identity.objects.filter(value=user.email, user__isnull=True):
            link_identity(identity=identity, user=user, actor=None, at=context.now)


def build_deliveries(context: DemoContext) -> None:
    """Log a share of what was delivered, as the people of the team would have done."""
    source = random.Random(SEED)  # noqa: S311  (a story, not a secret)
    for plan in USE_CASES:
        use_case = UseCase.objects.get(title=plan.title)
        if plan.history is None or use_case.deliveries.exists():
            continue
        closed = use_case.stage in (Stage.STOPPED, Stage.RETIRED)
        if closed:
            continue
        context.say(f"Deliveries of “{plan.title}”")
        team = next(item for item in TEAMS if item.name == plan.team)
        waiting = changes_to_log(use_case).filter(delivered_at__isnull=False)
        for change in list(waiting.order_by("merged_at", "pk")):
            if source.random() >= plan.history.logged_share:
                continue
            log_delivery(
                use_case=use_case, change=change,
                actor=context.people[source.choice(team.members)],
                assistance=source.choice((AiAssistance.ASSISTED, AiAssistance.NOT_STATED)),
                at=min(change.merged_at + timedelta(hours=6), context.now),
            )  # fmt: skip
    _log_other_work(context)


def _log_other_work(context: DemoContext) -> None:
    """Work that is not code: one confirmed, one waiting for a reviewer."""
    use_case = UseCase.objects.get(title="Support replies with sources")
    link = "https://wiki.acme.example/support/reply-guide"
    if Delivery.objects.filter(link=link).exists():
        return
    guide = log_delivery(
        use_case=use_case, link=link, title="Guide to replies that quote their source",
        actor=context.people["employee"], assistance=AiAssistance.ASSISTED, at=context.now,
    )  # fmt: skip
    review_delivery(
        delivery=guide, accept=True, reason="", reviewer=context.people["owner"], at=context.now
    )
    log_delivery(
        use_case=use_case, link="https://wiki.acme.example/support/macros-v2",
        title="Second set of reply macros", actor=context.people["employee"],
        assistance=AiAssistance.ASSISTED, at=context.now,
    )  # fmt: skip


def build_real_histories(context: DemoContext) -> None:
    """The two public histories, where the folder named by PLUMBLINE_SHARED_DATA has them."""
    for slug, title, url in REAL_HISTORIES:
        folder = Path(settings.SHARED_DATA_DIR) / "git" / slug
        if not folder.is_dir():
            continue
        first = _anchor(context)
        if not Connection.objects.filter(slug=f"public-{slug}", runs__status="applied").exists():
            context.say(f"Public history of {slug}")
            _import_history(context, f"public-{slug}", slug, url, folder)
        use_case = UseCase.objects.filter(title=title).first()
        if use_case is None:
            use_case = create_use_case(
                title=title, programme=Programme.objects.get(name=PROGRAMME),
                team=Team.objects.get(name="Platform"), owner=context.people["oskar"],
                value_type="quality", problem="A real public repository, to see real figures.",
                hypothesis="AI-assisted changes reach a release.", stop_rule="Not a real trial.",
                profile=PUBLIC,
                actor=context.people["oskar"], at=_moment(first, 1),
            )  # fmt: skip
            _build_milestone(
                use_case,
                MilestonePlan("First release with an AI-assisted change",
                              "ai_production_deployments", "gte", 1, 14), first,
            )  # fmt: skip
        _link(context, use_case, slug, first - timedelta(days=4000))
        _log_public_changes(context, use_case)


def _log_public_changes(context: DemoContext, use_case: UseCase) -> None:
    """The owner says of the newest five that AI helped: a trailer alone counts nothing."""
    if use_case.deliveries.exists():
        return
    waiting = changes_to_log(use_case).filter(delivered_at__isnull=False).exclude(strength="")
    for change in waiting.order_by("-merged_at", "pk")[:5]:
        log_delivery(
            use_case=use_case, change=change, actor=use_case.owner,
            assistance=AiAssistance.ASSISTED, at=context.now,
        )  # fmt: skip


def finish(context: DemoContext) -> None:
    """Advance deliveries and measure milestones, now that costs are there too."""
    if _is_built():
        return
    context.say("Measuring milestones")
    refresh_outcomes(at=timezone.now())


def _is_built() -> bool:
    """Whether an earlier run came as far as the targets, which follow the measuring.

    What has moved since is measured by the hourly job: running the demo again changes nothing.
    """
    return AdoptionTarget.objects.exists()


def ask_for_stages(context: DemoContext) -> None:
    """What waits in the approvals inbox: the next stage of the first pilot and of a proposal."""
    for stage, following in ((Stage.PILOT, Stage.LIVE), (Stage.PROPOSED, Stage.APPROVED)):
        waiting = UseCase.objects.filter(stage=stage).exclude(stop_rule="").order_by("pk").first()
        if waiting is None or pending_request(STAGE_KIND, str(waiting.pk)) is not None:
            continue
        request_stage(
            use_case_id=waiting.pk, to_stage=following, expected_version=waiting.version,
            reason="The first milestone is in sight and the team wants to go on.",
            actor=waiting.owner, at=context.now,
        )  # fmt: skip
