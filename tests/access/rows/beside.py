"""Policies by themselves, services past their pages, and what is one's own on a page."""

from __future__ import annotations

import datetime as dt
from typing import Any

from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.test import Client
from django.utils import timezone

from adoption.models import Change, Identity
from portal.choices import Role, SignInEventKind
from portal.models import AuditName, AuditPersonal, RoleGrant, User
from portal.services.sign_in import ProviderIdentity
from portal.services.sign_in_events import record_sign_in_event
from tests.access.deeds import Answers, Beside, Deed, Grant, Sent, Shown, Told
from tests.access.matrix import EVERYBODY, NOBODY, Column, Row, api, listing, only, page
from tests.access.rows.portal import RUN_IMPORTS, SEE_IMPORTS
from tests.adoption.factories import make_user

ADMINISTRATOR = only(Column.ADMINISTRATOR)
FINANCE = only(Column.FINANCE)
REVIEW = only(Column.APPROVER, Column.AUDITOR)
OWNER_AND_LEAD = only(Column.OWNER, Column.PROGRAMME_LEAD)
ASK_FOR_ROLES = only(Column.ADMINISTRATOR, Column.PROGRAMME_LEAD)
SEE_WORK = only(Column.PROGRAMME_LEAD, Column.FINANCE, Column.AUDITOR, Column.ADMINISTRATOR)
LATER = dt.datetime(2026, 11, 29, 12, tzinfo=dt.UTC)
ROWS: list[Row] = []
_ACTED = "A reason that is long enough for anybody to understand."


def prepare(world: Any) -> None:
    """Somebody who holds a role, and two accounts of one address."""
    older = make_user(Role.FINANCE, name="Older", email="same@acme.example")
    newer = make_user(name="Newer", email="same@acme.example")
    world.add(
        gone=make_user(name="Gone", is_active=False),
        older=older,
        newer=newer,
        case_key=str(world.case.pk),
        administrator_column=world.people[Column.ADMINISTRATOR],
        approver_account=world.people[Column.APPROVER],
        leaver_account=world.people[Column.LEAVER],
        world_now=timezone.now(),
    )


GRANTS = [
    Grant("adoption.policies:may_review_delivery", OWNER_AND_LEAD, {"delivery": "@to_review"}),
    Grant(
        "adoption.policies:may_review_delivery",
        only(Column.PROGRAMME_LEAD),
        {"delivery": "@others"},
    ),
    Grant("adoption.policies:may_comment", EVERYBODY),
    Grant("adoption.policies:may_withdraw_delivery", only(Column.OWNER), {"delivery": "@own"}),
    Grant("adoption.services.stages:may_ask_for_stage", OWNER_AND_LEAD, {"subject": "@case_key"}),
    Grant("billing.services.rule_requests:may_ask_for_rule", FINANCE, {"subject": "any"}),
    Grant("portal.policies:may_decide_work", ADMINISTRATOR, {"roles": frozenset()}),
    Grant(
        "portal.policies:may_decide_work",
        ADMINISTRATOR | FINANCE,
        {"roles": frozenset({Role.FINANCE})},
    ),
    Grant("portal.policies:work_roles_of", SEE_WORK),
    Grant("portal.policies:may_revoke_api_token", ADMINISTRATOR, {"owner_id": 0}),
    Grant(
        "portal.policies:may_revoke_api_token",
        ADMINISTRATOR | only(Column.OWNER),
        {"owner_id": "@api_token.owner_id"},
    ),
    Grant(
        "portal.services.approval_policies:may_ask_for_policy", ADMINISTRATOR, {"subject": "any"}
    ),
    Grant("portal.services.roles:may_ask_for_role", ASK_FOR_ROLES, {"subject": "any"}),
    Grant("portal.services.erasures:may_ask_for_erasure", ADMINISTRATOR, {"subject": "any"}),
]


def _grants_of_others(world: Any) -> list[Any]:
    rows = RoleGrant.objects.exclude(user_id__in=[world.older.pk, world.maker.pk])
    return list(rows.order_by("pk").values_list("user_id", "role"))


def _sessions_of_others(world: Any) -> list[Any]:
    return [
        *User.objects.exclude(pk=world.maker.pk).order_by("pk").values_list("pk", "session_epoch"),
        *UserSession.objects.exclude(user=world.maker).order_by("pk").values_list("pk"),
        *Authenticator.objects.exclude(user=world.maker).order_by("pk").values_list("pk"),
    ]


def _things_of_the_owner(world: Any) -> None:
    owner = world.people[Column.OWNER]
    client = Client()
    client.force_login(User.objects.get(pk=owner.pk))
    key = str(client.session.session_key)
    UserSession.objects.get_or_create(
        session_key=key, defaults={"user": owner, "ip": "192.0.2.8", "user_agent": "o"}
    )
    Authenticator.objects.create(user=owner, type=Authenticator.Type.TOTP, data={})


def _keys(world: Any) -> list[Any]:
    rows = User.objects.exclude(pk=world.newer.pk).order_by("pk")
    return list(rows.values_list("pk", "person_key"))


def _erased_of_others(world: Any) -> list[Any]:
    gone = world.erased_person.pk
    return [
        *AuditName.objects.exclude(person_id=gone).filter(name="").values_list("pk"),
        *AuditPersonal.objects.exclude(person_id=gone).filter(value="").values_list("pk"),
    ]


def _one_administrator(world: Any) -> None:
    """Nobody but the column holds the role."""
    keeper = world.people[Column.ADMINISTRATOR]
    RoleGrant.objects.filter(role=Role.ADMINISTRATOR).exclude(user=keeper).delete()


def _linked_account(world: Any) -> None:
    from allauth.socialaccount.models import SocialAccount

    SocialAccount.objects.create(user=world.older, provider="oidc", uid="id.example|older")


def _event_of_the_owner(world: Any) -> None:
    owner = world.people[Column.OWNER]
    record_sign_in_event(kind=SignInEventKind.UNLOCKED, user=owner, at=LATER)


def _approver_opened_them(world: Any) -> None:
    """By another account of the same person."""
    person = world.approver_account
    for glass in (world.glass, world.open_glass):
        User.objects.filter(pk=glass.opened_by_id).update(person_key=person.person_key)


def _change_of_the_leaver(world: Any) -> None:
    """Theirs, with signs of AI, and logged by nobody; they are gone."""
    world.leaver_account.refresh_from_db()
    Change.objects.filter(pk=world.change.pk).update(
        author=Identity.objects.create(
            kind="git_email", value="leaver@acme.example", user=world.leaver_account
        )
    )


def _opener_is_none_any_more(world: Any) -> None:
    RoleGrant.objects.filter(user=world.open_glass.opened_by).delete()


def _target(world: Any) -> dict[str, Any]:
    return {
        "title": "Twelve deliveries that hold",
        "milestone_id": world.milestone.pk,
        "scope_kind": "use_case",
        "comparator": "gte",
        "value": "12",
        "due_on": "2026-12-14",
    }


OLDER = ProviderIdentity(
    provider="oidc",
    issuer="id.example",
    subject="older",
    username="older",
    full_name="Older",
    email="same@acme.example",
    groups=frozenset(),
)
_PERSON = {"user": "@maker", "reason": "Left.", "at": LATER}
DEEDS = [
    Deed(
        "portal.services.roles:request_role",
        ASK_FOR_ROLES,
        {"user": "@maker", "role": Role.PROGRAMME_LEAD, "reason": "Needed.", "at": "@world_now"},
    ),
    Deed(
        "portal.services.roles:revoke_role",
        ADMINISTRATOR,
        {"user": "@older", "role": Role.FINANCE, "reason": "Left.", "at": "@world_now"},
        leaves=_grants_of_others,
    ),
    Deed(
        "portal.services.approval_policies:request_policy",
        ADMINISTRATOR,
        {
            "kind": "portal.role",
            "approver_roles": [Role.PROGRAMME_LEAD],
            "request_days": 3,
            "reason": "Fewer approvers.",
            "at": "@world_now",
        },
    ),
    Deed(
        "portal.services.break_glass:open_break_glass",
        ADMINISTRATOR,
        {"reason": _ACTED, "lasting": dt.timedelta(hours=1), "at": "@world_now"},
    ),
    Deed(
        "portal.services.break_glass:close_break_glass",
        REVIEW,
        {"glass_id": "@open_glass.pk", "at": "@world_now"},
    ),
    Deed(
        "portal.services.break_glass:review_break_glass",
        REVIEW,
        {"glass_id": "@glass.pk", "review": "It was right.", "at": "@world_now"},
    ),
    Deed(
        "portal.services.erasures:request_erasure",
        ADMINISTRATOR,
        {"person": "@gone", "reason": "Asked for it.", "at": "@world_now"},
    ),
    Deed(
        "portal.services.people:deactivate_person",
        ADMINISTRATOR,
        _PERSON,
        by=ADMINISTRATOR,
        leaves=_grants_of_others,
    ),
    Deed(
        "portal.services.people:deactivate_person",
        NOBODY,
        {"user": "@administrator_column", "reason": "Left.", "at": LATER},
        by=only(Column.APPROVER),
        before=_one_administrator,
    ),
    Deed(
        "portal.services.people:end_sessions",
        ADMINISTRATOR,
        {"user": "@maker", "at": LATER},
        by=ADMINISTRATOR,
        before=_things_of_the_owner,
        leaves=_sessions_of_others,
    ),
    Deed(
        "portal.services.people:reset_second_factor",
        ADMINISTRATOR,
        _PERSON,
        by=ADMINISTRATOR,
        before=_things_of_the_owner,
        leaves=_sessions_of_others,
    ),
    Deed(
        "portal.services.sign_in:admit_person",
        ADMINISTRATOR,
        {"identity": OLDER, "roles": frozenset(), "at": LATER, "address": None},
        by=ADMINISTRATOR,
        before=_linked_account,
        leaves=lambda world: [_keys(world), _grants_of_others(world)],
        actor="",
    ),
    Deed(
        "portal.services.audit:erase_person",
        ADMINISTRATOR,
        {"person": "@erased_person", "reason": "Asked for it.", "at": LATER},
        by=ADMINISTRATOR,
        leaves=_erased_of_others,
    ),
    Deed(
        "adoption.services.deliveries:withdraw_delivery",
        only(Column.OWNER),
        {"delivery": "@own", "at": LATER},
    ),
    Deed(
        "adoption.services.teams:add_membership",
        ADMINISTRATOR,
        {
            "team_id": "@team.pk",
            "user": "@older",
            "starts_on": dt.date(2026, 1, 1),
            "at": LATER,
        },
        by=ADMINISTRATOR,
    ),
]

SHOWN = [
    Shown(
        api("api-approvals", query="view=mine", label="mine"),
        {Column.PROGRAMME_LEAD: 2},
    ),
    Shown(
        listing("approval-list", EVERYBODY, query="view=mine", label="mine"),
        {Column.PROGRAMME_LEAD: 2},
    ),
    Shown(api("api-approvals", query="view=waiting", label="waiting"), {Column.APPROVER: 2}),
    Shown(
        listing("break-glass-list", EVERYBODY, query="state=mine", label="to review"),
        {Column.APPROVER: 2, Column.AUDITOR: 2},
    ),
]
TOLD = [
    Told(
        listing("work-list", SEE_WORK),
        "Test: of finance",
        only(Column.FINANCE, Column.AUDITOR, Column.ADMINISTRATOR),
        by=SEE_WORK,
    ),
    Told(
        page("person", only(Column.ADMINISTRATOR, Column.AUDITOR), values={"pk": "older.pk"}),
        "Take away",
        ADMINISTRATOR,
    ),
    Told(
        page("use-case", EVERYBODY, values={"slug": "neighbour.slug"}),
        "/costs/rules/new/",
        FINANCE,
    ),
    Told(
        page("rejected-row", SEE_IMPORTS, values={"pk": "rejected.pk"}),
        "can mend or dismiss it",
        SEE_IMPORTS - RUN_IMPORTS,
        by=SEE_IMPORTS,
    ),
    Told(
        page("work-item", SEE_WORK, values={"pk": "held_work.pk"}),
        "Try it again when what stopped it is mended",
        ADMINISTRATOR | FINANCE,
        by=only(Column.FINANCE, Column.AUDITOR, Column.ADMINISTRATOR),
    ),
    Told(
        page("cost-lineage", EVERYBODY, query="use_case={case.slug}&as_of=2026-11-20"),
        "Single cost lines are shown to those who answer for money",
        EVERYBODY - SEE_IMPORTS,
    ),
]
ANSWERS = [
    Answers("portal.selectors.people:events_of", {"person": "@maker"}, 0, _event_of_the_owner),
    Answers(
        "portal.selectors.people:sessions_of",
        {"person": "@older", "at": LATER},
        0,
        _things_of_the_owner,
    ),
    Answers(
        "portal.selectors.people:has_second_factor",
        {"person": "@maker"},
        False,
        _things_of_the_owner,
    ),
    Answers(
        "portal.selectors.approvals:glasses_to_review",
        {"user": "@approver_account"},
        0,
        _approver_opened_them,
    ),
    Answers(
        "adoption.selectors.changes:changes_to_remind_of",
        {"user": "@leaver_account", "now": "@now", "limit": 9},
        0,
        _change_of_the_leaver,
    ),
    Answers(
        "portal.approvals.second_person:open_glass_of",
        {"user": "@open_glass.opened_by", "at": "@world_now"},
        None,
        _opener_is_none_any_more,
    ),
]
SENT = [Sent(api("api-targets", label="complete"), _target, OWNER_AND_LEAD)]
BESIDE: list[Beside] = [*GRANTS, *DEEDS, *ANSWERS, *SHOWN, *TOLD, *SENT]
