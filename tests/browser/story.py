"""A small programme with everything that makes pages hard to lay out, made by real imports.

Long names without a space, a use case without anything, a stopped one, rows in quarantine, runs in
every state, money that nobody bears, a bill that was revised, deliveries in every state. The story
ends now, so pages that compare with today find something to compare.
"""

from __future__ import annotations

import datetime as dt
import json
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from django.core.management import call_command
from django.db.models import Model
from django.utils import timezone

from adoption.choices import AiAssistance
from adoption.models import (
    Change,
    Delivery,
    Milestone,
    Repository,
    UseCase,
)
from adoption.services.deliveries import log_delivery, review_delivery, withdraw_delivery
from adoption.services.follow_up import refresh_outcomes
from adoption.services.milestones import create_milestone, remove_milestone
from adoption.services.programmes import create_programme
from adoption.services.teams import add_membership, create_team
from adoption.services.use_cases import create_use_case, link_repository
from billing.choices import MatchField, MatchMode
from billing.services.allocation_rules import (
    RuleDraft,
)
from portal.choices import Role
from portal.models import User
from portal.services.connections import create_connection
from portal.services.people import create_person
from portal.shell.money import NANO_PER_UNIT
from tests.adoption.factories import move_stage
from tests.adoption.histories import commit_row, make_sha, tag_row, to_lines
from tests.billing.factories import create_rule, replace_rule, retire_rule
from tests.browser.story_bills import LONG, UNBROKEN, import_files, make_bills
from tests.browser.story_boards import make_boards
from tests.browser.story_closes import make_closes
from tests.browser.story_hooks import make_hooks
from tests.browser.story_impact import make_impact
from tests.browser.story_metrics import make_metrics
from tests.browser.story_overlaps import make_overlaps
from tests.browser.story_people import make_identities
from tests.browser.story_records import make_records
from tests.browser.story_seats import make_plans
from tests.browser.story_suggestions import make_suggestions
from tests.browser.story_targets import make_targets
from tests.browser.story_tokens import make_tokens
from tests.browser.story_trust import (
    PASSWORD,
    find_events,
    make_approvals,
    make_glasses,
    make_people,
    make_work,
    session_before_code,
    session_of,
)
from tests.browser.story_watch import make_watch

LONG_TITLE = f"Supplier questionnaires nobody has ever read to the end: {LONG}"
AI_LINE = "\n\nCo-Authored-By: Claude <noreply@anthropic.com>"


Made = dict[str, Any]


def build_story() -> Made:
    """Make all of it, in an empty database; what was made, by the names that addresses use."""
    now = timezone.now()
    made: Made = {"now": now}
    steps = (
        *(_registry, _history, make_bills, make_overlaps, _rules, _deliveries, make_tokens),
        *(
            make_people,
            make_approvals,
            make_glasses,
            make_work,
            make_hooks,
            make_suggestions,
            make_watch,
            make_plans,
            make_closes,
            make_boards,  # a snapshot refuses values that were made up, as the next ones are
            make_metrics,
            make_impact,
            make_records,
            make_identities,
            make_targets,
        ),
    )
    for make in steps:
        made |= make(**made)
    refresh_outcomes(at=now)
    made |= find_events(**made)
    return made


def main() -> None:
    """Migrate, build, and write what addresses need as one JSON document on stdout."""
    call_command("migrate", verbosity=0, interactive=False)
    made = build_story()
    made["sessions"] = {
        who: session_of(made[who], now=made["now"]) for who in ("viewer", "colleague", "auditor")
    }
    made["sessions"]["before code"] = session_before_code(made["auditor"])
    sys.stdout.write(json.dumps(plain(made)))


def plain(value: Any) -> Any:
    """Keys and names of what was made, without the rest."""
    if isinstance(value, dict):
        return {key: plain(each) for key, each in value.items()}
    if isinstance(value, Model):
        names = {"pk", "slug", "key"} & set(dir(value))
        return {name: getattr(value, name) for name in names}
    return str(value)


def _registry(now: dt.datetime) -> Made:
    """People, a programme, teams, and three use cases: full, bare, stopped."""
    early = now - dt.timedelta(days=90)
    viewer, colleague = _people(early)
    programme = create_programme(
        name="Adoption of AI in the Iberian and Latin American back offices", owner=viewer,
        currency="USD", starts_on=early.date(), time_zone="America/Argentina/Buenos_Aires",
        actor=viewer, at=early,
    )  # fmt: skip
    parent = create_team(name="Finance", actor=viewer, at=early)
    team = create_team(name=LONG[:80], parent=parent, actor=viewer, at=early)
    membership, _ = (
        add_membership(
            team_id=team.pk, user=user, starts_on=early.date(), actor=viewer, at=early
        )
        for user in (viewer, colleague)
    )  # fmt: skip

    def use_case(title: str, **more: Any) -> UseCase:
        values: Made = {"programme": programme, "team": team, "owner": viewer, "actor": viewer}
        values |= {"title": title, "value_type": "quality", "at": early}
        return create_use_case(**(values | more))

    full = use_case(
        LONG_TITLE[:140], problem="It is slow.\n\n" + "Nobody reads the answers. " * 12,
        hypothesis="If drafts are prepared, then fewer answers are corrected: " + UNBROKEN,
        stop_rule="When more than 6 % are corrected in any month.", risk_tier="high",
    )  # fmt: skip
    bare = use_case("Nothing yet", team=parent, hypothesis="")
    stopped = use_case("Call summaries", stop_rule="When agents correct every second one.")
    for step in ("approved", "pilot", "live"):
        full = _move(full, step, viewer, early)
    stopped = _move(stopped, "approved", viewer, early)
    stopped = _move(stopped, "stopped", viewer, now, reason="The rule fired: 58 % corrected.")
    return {
        "viewer": viewer, "colleague": colleague, "programme": programme, "team": team,
        "membership": membership, "use_case": full, "bare": bare, "stopped": stopped,
        "milestone": _milestones(full, viewer, early),
    }  # fmt: skip


def _people(at: dt.datetime) -> list[User]:
    """Somebody who may do everything, and somebody without a role."""
    everything = (Role.PROGRAMME_LEAD, Role.FINANCE, Role.ADMINISTRATOR)
    return [
        create_person(
            username=name, full_name=full_name, email=f"{name}@acme.example",
            password=PASSWORD, roles=roles, at=at,
        )
        for name, full_name, roles in (
            ("lea", "Dr. Maximiliane-Alexandra von Habsburg-Lothringen", everything),
            ("mira", "Mira Okafor", ()),
        )
    ]  # fmt: skip


def _move(use_case: UseCase, stage: str, actor: User, at: dt.datetime, reason: str = "") -> UseCase:
    return move_stage(use_case, stage, reason=reason, actor=actor, at=at)  # fmt: skip


def _milestones(use_case: UseCase, actor: User, at: dt.datetime) -> Milestone:
    """One reached, one missed, one open with a long title, one removed; the open one is given."""
    made = [
        create_milestone(
            use_case_id=use_case.pk, title=title, due_on=(at + dt.timedelta(days=days)).date(),
            metric_key=metric, comparator=comparator, threshold_nano=threshold * NANO_PER_UNIT,
            currency=currency, actor=actor, at=at,
        )
        for title, days, metric, comparator, threshold, currency in (
            ("First change in production", 80, "ai_production_deployments", "gte", 1, ""),
            ("Five hundred that hold", 85, "held_deliveries", "gte", 500, ""),
            (LONG_TITLE[:140], 120, "effective_cost_per_held_delivery", "lt", 40, "USD"),
            ("Never meant", 130, "held_deliveries", "gte", 3, ""),
        )
    ]  # fmt: skip
    remove_milestone(
        milestone_id=made[-1].pk, expected_version=made[-1].version, reason="Entered twice.",
        actor=actor, at=at,
    )  # fmt: skip
    return made[2]


def _history(*, now: dt.datetime, viewer: User, use_case: UseCase, **_: Any) -> Made:
    """Changes in every state: held, deployed, merged, undone, without evidence, never logged."""
    connection = create_connection(
        slug="shop", source="git", name="Git: shop", at=now,
        config={"tags_are_production": True, "url": "https://git.example/shop"}, actor=viewer,
    )  # fmt: skip
    ages = (60, 58, 56, 54, 52, 50, 48, 10, 9, 8, 2, 1)

    def commit(number: int, age: int) -> Mapping[str, Any]:
        stamp = (now - dt.timedelta(days=age)).isoformat()
        subject = f"Change {number}" if number % 3 else f"Rework {LONG * 2}"
        message = subject + (AI_LINE if number != 2 else "")
        if number == 9:
            subject = 'Revert "Change 4"'
            message = f"{subject}\n\nThis reverts commit {make_sha(4)}."
        return commit_row(
            number, subject=subject, message=message, authored_at=stamp, committed_at=stamp
        )

    commits = [commit(number, age) for number, age in enumerate(ages, start=1)]
    tags = [
        tag_row(name, target, tagged_at=(now - dt.timedelta(days=age)).isoformat())
        for name, target, age in (("v1.0", 7, 40), ("v1.1", 10, 5))
    ]
    files = {"commits": to_lines(commits), "tags": to_lines(tags)}
    import_files(connection, now, viewer, files)
    repository = Repository.objects.get()
    link = link_repository(
        use_case_id=use_case.pk, repository=repository,
        starts_on=(now - dt.timedelta(days=88)).date(), actor=viewer, at=now,
    )  # fmt: skip
    return {"repository": repository, "link": link}


def _rules(*, now: dt.datetime, viewer: User, use_case: UseCase, **_: Any) -> Made:
    """One that leaves something over, in its second version; one that was retired."""
    start = (now - dt.timedelta(days=70)).date()

    def draft(name: str, value: str, *shares: tuple[int, int], **more: Any) -> RuleDraft:
        values = {"field": MatchField.TAG, "tag_key": "use_case", "mode": MatchMode.EQUALS}
        return RuleDraft(name=name, starts_on=start, value=value, shares=shares, **(values | more))

    part = (use_case.pk, 700_000)
    first = create_rule(draft=draft(LONG, "triage", part), actor=viewer, at=now)
    rule = replace_rule(
        rule_id=first.pk, draft=draft(LONG, "triage", (use_case.pk, 850_000)),
        reason="Agreed in the review of October.", actor=viewer, at=now,
    )  # fmt: skip
    gone = draft("Gateway", UNBROKEN, part, field=MatchField.RESOURCE, tag_key="")
    retired = create_rule(draft=gone, actor=viewer, at=now)
    retire_rule(rule_id=retired.pk, reason="The tag says it now.", actor=viewer, at=now)
    retired.refresh_from_db()
    return {"rule": rule, "retired_rule": retired}


def _deliveries(
    *, now: dt.datetime, viewer: User, colleague: User, use_case: UseCase, **_: Any
) -> Made:
    """Logged by two people: held, undone, in production, merged, confirmed, waiting, withdrawn."""

    def log(actor: User, **what: Any) -> Delivery:
        return log_delivery(
            use_case=use_case, actor=actor, at=now, assistance=AiAssistance.ASSISTED, **what
        )

    def by_number(*numbers: int) -> Sequence[Change]:
        return [Change.objects.get(sha=make_sha(number)) for number in numbers]

    own = [log(viewer, change=change) for change in by_number(3, 4, 8, 11)]
    for change in by_number(1, 5, 6, 7):
        log(colleague, change=change)
    page = f"https://wiki.acme.example/{'long-path/' * 20}"
    own_link = log(viewer, link=f"{page}mine", title=LONG)
    to_review = log(colleague, link=f"{page}theirs", title=LONG)
    confirmed = log(colleague, link=f"{page}guide", title="Guide to replies")
    review_delivery(delivery=confirmed, accept=True, reason="", reviewer=viewer, at=now)
    mistake = log(viewer, link=f"{page}mistake", title="Mistake")
    withdraw_delivery(delivery=mistake, actor=viewer, at=now)
    return {"own": own[0], "own_link": own_link, "to_review": to_review}
