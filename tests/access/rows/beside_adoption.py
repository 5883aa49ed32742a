"""Adoption beside its addresses: policies by themselves, and what is one's own in what is read.

A newcomer has an account and nothing else: whatever is found for them is somebody else's.
"""

from __future__ import annotations

import datetime as dt
from typing import Any
from unittest import mock

from django.test import RequestFactory

from adoption.choices import (
    AccessAction,
    Involvement,
    MilestoneEventKind,
    MilestoneState,
    ScopeKind,
)
from adoption.models import (
    Change,
    DashboardAccess,
    Membership,
    Milestone,
    MilestoneEvent,
    RepositoryLink,
    Suggestion,
    TargetEvent,
    UseCase,
)
from adoption.selectors.own_data import own_data
from adoption.selectors.suggestions import rank_one
from adoption.services.dashboards import EMPLOYEE
from adoption.services.group_teams import ORIGIN as GROUPS
from adoption.services.suggestion_digest import note_told
from adoption.suggesting import Reason
from adoption.team_files import SaidMember, TeamList
from adoption.views import home
from adoption.views.metrics import metric_records
from portal.choices import SignInEventKind
from portal.digests import DigestLine
from portal.models import DigestSetting, NoticePreference, User
from portal.services.sign_in_events import record_sign_in_event
from tests.access.deeds import Answers, Beside, Deed, Grant, Sent
from tests.access.matrix import EVERYBODY, NOBODY, Column, Row, form, only
from tests.adoption.factories import NOW, make_user

LEAD = only(Column.PROGRAMME_LEAD)
ADMINISTRATOR = only(Column.ADMINISTRATOR)
FINANCE = only(Column.FINANCE)
LEAD_AND_ADMINISTRATOR = LEAD | ADMINISTRATOR
LEAD_AND_AUDITOR = LEAD | only(Column.AUDITOR)
OWNER_AND_LEAD = LEAD | only(Column.OWNER)
OTHER_AND_LEAD = LEAD | only(Column.OTHER_OWNER)
LATER = dt.datetime(2026, 11, 29, 12, tzinfo=dt.UTC)
ROWS: list[Row] = []
_HERE = "tests.access.rows.beside_adoption"
_POLICIES = "adoption.policies"
_STANDINGS = "adoption.services.metric_approvals"
ONE = "@standing.pk"


def prepare(world: Any) -> None:
    """Somebody who has nothing, and a list that says they belong to a team."""
    newcomer = make_user(name="Newcomer", email="newcomer@acme.example")
    said = SaidMember(2, world.team.name, newcomer.username, dt.date(2026, 2, 1))
    world.add(
        newcomer=newcomer,
        list_with_newcomer=TeamList(members=(said,)),
        change_author=world.people[Column.OTHER_OWNER],
        change_to_correct=Change.objects.get(pk=world.change.pk),
        gone_owner=world.people[Column.LEAVER],
    )


# --- What is asked -------------------------------------------------------------------------------


def stored_about(user: User) -> int:
    """How many rows are stored about a person, of every kind."""
    return sum(section.total for section in own_data(user))


def shown_at_risk(user: User) -> dict[str, Any] | None:
    """What the home page shows somebody of promises at risk."""
    request = RequestFactory().get("/")
    request.user = user
    return home.at_risk_and_due(request)


def links_of_first_steps(user: User) -> list[str]:
    """Where the steps of an empty portal lead somebody."""
    request = RequestFactory().get("/")
    request.user = user
    with mock.patch.object(home, "use_cases_visible_to", return_value=UseCase.objects.none()):
        shown = home.first_steps(request)
    return [step.url for step in shown["steps"] if step.url] if shown else []


def linked_use_cases(user: User, change: Change, at: dt.datetime) -> list[Reason]:
    """What of a ranking rests on links of the repository."""
    ranked = rank_one(change, user, at)
    candidates = ranked.candidates if ranked else ()
    return [why for each in candidates for why in each.reasons if why.kind == "repository"]


def metrics_with_scopes(user: User) -> list[dict[str, Any]]:
    """Metrics of which somebody is told in how many scopes they stand."""
    return [each for each in metric_records(user) if "scope" in each["standing"]]


def note_all_told(user: User, at: dt.datetime) -> None:
    """A digest whose lines are about everybody's suggestions."""
    keys = Suggestion.objects.values_list("pk", flat=True)
    note_told(user, [DigestLine("Told.", key=str(key)) for key in keys], at)


# --- What is made for it, or has to stay ---------------------------------------------------------


def _more_of_the_owner(world: Any) -> None:
    owner = world.people[Column.OWNER]
    record_sign_in_event(kind=SignInEventKind.UNLOCKED, user=owner, at=LATER)
    DigestSetting.objects.get_or_create(user=owner)
    NoticePreference.objects.get_or_create(user=owner, kind="test.told")


def _milestone_at_risk(world: Any) -> None:
    Milestone.objects.filter(pk=world.milestone.pk).update(risk="due_soon")


def _at_risk_and_its_owner_gone(world: Any) -> None:
    _milestone_at_risk(world)
    _owner_gone(world)
    UseCase.objects.filter(pk=world.case.pk).update(owner=world.gone_owner)


def _missed_and_its_owner_gone(world: Any) -> None:
    _owner_gone(world)
    Milestone.objects.filter(pk=world.milestone.pk).update(state=MilestoneState.MISSED)


def _owner_gone(world: Any) -> None:
    world.gone_owner.refresh_from_db()


def _promises_kept(world: Any) -> None:
    _owner_gone(world)
    reached = {"kind": MilestoneEventKind.REACHED, "happened_at": NOW + dt.timedelta(hours=1)}
    TargetEvent.objects.create(target=world.target, due_on=world.target.due_on, **reached)
    MilestoneEvent.objects.create(
        use_case=world.case, milestone=world.milestone, title="Two that hold", **reached
    )


def _asked_of_another(world: Any) -> None:
    """The change of the other owner was suggested to somebody else."""
    _suggest_to(world.newcomer, world)


def _asked_of_the_gone_owner(world: Any) -> None:
    _owner_gone(world)
    _suggest_to(world.gone_owner, world)


def _suggest_to(person: User, world: Any) -> None:
    Suggestion.objects.create(
        user=person,
        change=world.change,
        use_case=world.case,
        candidates=[],
        score=40,
        offered_at=NOW,
        expires_at=NOW + dt.timedelta(days=9),
    )


def _link_ended_before_the_merge(world: Any) -> None:
    links = RepositoryLink.objects.filter(repository=world.repository)
    links.update(ends_on=dt.date(2026, 2, 1))


def _target_of_the_programme(world: Any) -> dict[str, Any]:
    return {
        "title": "Forty deliveries that hold",
        "metric_key": "held_deliveries",
        "milestone": world.milestone.pk,
        "scope_kind": ScopeKind.PROGRAMME.value,
        "comparator": "gte",
        "threshold": "40",
        "due_on": "2026-12-14",
    }


def _digested(_world: Any) -> list[Any]:
    return list(Suggestion.objects.order_by("pk").values_list("pk", "digested_at"))


def _others_follow_groups(world: Any) -> None:
    Membership.objects.exclude(user=world.newcomer).update(origin=GROUPS)


def _looks_of_roles(_world: Any) -> list[Any]:
    rows = DashboardAccess.objects.exclude(role=EMPLOYEE).order_by("pk")
    return list(rows.values_list("pk", "role", "count"))


def _memberships_of_others(world: Any) -> list[Any]:
    rows = Membership.objects.exclude(user=world.newcomer).order_by("pk")
    return list(rows.values_list("pk", "user_id", "starts_on", "ends_on"))


# --- What must hold ------------------------------------------------------------------------------

GRANTS = [
    Grant(f"{_POLICIES}:may_edit_programmes", LEAD_AND_ADMINISTRATOR),
    Grant(f"{_POLICIES}:may_send_deliveries", LEAD_AND_ADMINISTRATOR),
    Grant(f"{_POLICIES}:may_see_hooks", LEAD_AND_ADMINISTRATOR | LEAD_AND_AUDITOR),
    Grant(f"{_POLICIES}:may_replay_hooks", LEAD_AND_ADMINISTRATOR),
    Grant(f"{_POLICIES}:may_manage_hook_secrets", ADMINISTRATOR),
    Grant(f"{_POLICIES}:may_certify_money", FINANCE),
    Grant(f"{_POLICIES}:may_open_standing", LEAD | FINANCE),
    Grant(f"{_POLICIES}:may_propose_standing", OWNER_AND_LEAD | FINANCE, {"standing": "@standing"}),
    Grant(
        f"{_POLICIES}:may_end_standing",
        OWNER_AND_LEAD | FINANCE | only(Column.APPROVER),
        {"standing": "@standing"},
    ),
    Grant(f"{_POLICIES}:may_see_findings", LEAD_AND_AUDITOR),
    Grant(f"{_POLICIES}:may_answer_findings", LEAD),
    Grant(f"{_POLICIES}:may_split_services", LEAD),
    Grant(f"{_POLICIES}:may_edit_use_case", OWNER_AND_LEAD, {"use_case": "@case"}),
    Grant(f"{_POLICIES}:may_edit_target", OWNER_AND_LEAD, {"target": "@target"}),
    Grant(
        f"{_POLICIES}:may_set_target",
        OWNER_AND_LEAD,
        {"use_case": "@case", "scope_kind": ScopeKind.USE_CASE},
    ),
    *(
        Grant(f"{_POLICIES}:may_set_target", LEAD, {"use_case": "@case", "scope_kind": kind})
        for kind in (ScopeKind.TEAM, ScopeKind.PROGRAMME)
    ),
    Grant(f"{_POLICIES}:may_edit_dashboard", OWNER_AND_LEAD, {"dashboard": "@board"}),
    Grant("adoption.services.attestations:may_attest", OWNER_AND_LEAD, {"subject": "@attested.pk"}),
    Grant(
        "adoption.services.dashboard_approvals:may_ask_for_dashboard",
        OWNER_AND_LEAD,
        {"subject": "@board.pk"},
    ),
    Grant(
        "adoption.services.dashboard_approvals:may_ask_for_dashboard",
        OTHER_AND_LEAD,
        {"subject": "@other_board.pk"},
    ),
    Grant(
        "adoption.services.impact_registrations:may_ask",
        OWNER_AND_LEAD,
        {"subject": "@registration.pk"},
    ),
    Grant(f"{_STANDINGS}:may_ask_for_standing", OWNER_AND_LEAD | FINANCE, {"subject": ONE}),
    Grant(f"{_STANDINGS}:may_ask_for_standing", NOBODY, {"subject": "0"}),
    Grant(f"{_STANDINGS}:may_ask_for_money", OWNER_AND_LEAD | FINANCE, {"subject": ONE}),
    Grant(f"{_STANDINGS}:may_ask_for_money", FINANCE, {"subject": "0"}),
    Grant("adoption.services.service_splits:may_request_split", LEAD, {"_subject": "any"}),
]
DEEDS = [
    Deed(
        "adoption.services.declarations:correct_change",
        only(Column.OTHER_OWNER),
        {"change": "@change_to_correct", "says": Involvement.HUMAN, "at": LATER},
    ),
    Deed(
        f"{_HERE}:note_all_told",
        only(Column.EMPLOYEE),
        {"at": LATER},
        by=only(Column.EMPLOYEE),
        leaves=_digested,
        actor="user",
    ),
    Deed(
        "adoption.services.dashboards:record_access",
        only(Column.EMPLOYEE),
        {"dashboard": "@board", "number": 1, "action": AccessAction.VIEWED, "at": LATER},
        by=only(Column.EMPLOYEE),
        leaves=_looks_of_roles,
        actor="user",
    ),
    Deed(
        "adoption.services.team_import:apply_team_list",
        ADMINISTRATOR,
        {"said": "@list_with_newcomer", "origin": "file", "on": LATER.date(), "at": LATER},
        by=ADMINISTRATOR,
        leaves=_memberships_of_others,
    ),
    Deed(
        "adoption.services.group_teams:follow_groups",
        ADMINISTRATOR,
        {"user": "@newcomer", "groups": (), "at": LATER},
        by=ADMINISTRATOR,
        before=_others_follow_groups,
        leaves=_memberships_of_others,
        actor="",
    ),
]
ANSWERS = [
    Answers(f"{_HERE}:stored_about", {"user": "@newcomer"}, 0, _more_of_the_owner),
    Answers(f"{_HERE}:shown_at_risk", {"user": "@newcomer"}, None, _milestone_at_risk),
    Answers(f"{_HERE}:shown_at_risk", {"user": "@gone_owner"}, None, _at_risk_and_its_owner_gone),
    Answers(f"{_HERE}:links_of_first_steps", {"user": "@newcomer"}, 1),
    Answers(
        f"{_HERE}:linked_use_cases",
        {"user": "@newcomer", "change": "@change", "at": "@now"},
        0,
        _link_ended_before_the_merge,
    ),
    Answers(f"{_HERE}:metrics_with_scopes", {"user": "@gone_owner"}, 0, _owner_gone),
    Answers("adoption.selectors.metric_values:is_manager", {"viewer": "@newcomer"}, False),
    Answers(
        "adoption.selectors.metric_values:is_stranger",
        {"viewer": "@gone_owner"},
        True,
        _owner_gone,
    ),
    Answers(
        "adoption.selectors.daily_digest:gets_suggestions",
        {"person": "@gone_owner"},
        False,
        _owner_gone,
    ),
    Answers("adoption.services.personal_data:_named", {"person": "@newcomer"}, 0),
    Answers(
        "adoption.selectors.changes:changes_to_remind_of",
        {"user": "@change_author", "now": "@now", "limit": 9},
        1,
        _asked_of_another,
    ),
    Answers(
        "adoption.selectors.weekly_digest:happened_lines",
        {"user": "@gone_owner", "since": "@now", "until": "@soon"},
        0,
        _promises_kept,
    ),
    Answers(
        "adoption.selectors.weekly_digest:at_risk_lines",
        {"user": "@gone_owner", "_since": "@now", "_until": "@soon"},
        0,
        _at_risk_and_its_owner_gone,
    ),
    Answers("adoption.selectors.weekly_digest:leads_programmes", {"person": "@newcomer"}, False),
    Answers(
        "adoption.selectors.suggestions:own_suggestions",
        {"user": "@gone_owner"},
        0,
        _asked_of_the_gone_owner,
    ),
    Answers(
        "adoption.selectors.targets:milestones_to_serve",
        {"user": "@gone_owner"},
        0,
        _at_risk_and_its_owner_gone,
    ),
    Answers(
        "adoption.selectors.decisions_due:decisions_due",
        {"user": "@gone_owner", "now": "@now"},
        0,
        _missed_and_its_owner_gone,
    ),
]
SENT = [
    # To others no milestone is offered that they could name.
    Sent(
        form("target-new", EVERYBODY, label="of the programme"),
        _target_of_the_programme,
        LEAD,
        answer=302,
        by=OWNER_AND_LEAD,
    ),
]
BESIDE: list[Beside] = [*GRANTS, *DEEDS, *ANSWERS, *SENT]
