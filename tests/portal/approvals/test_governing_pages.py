"""Pages and services of break-glass, roles and rules: who may, what is shown, what is void."""

from __future__ import annotations

import datetime as dt

import pytest
from django.test import Client
from django.utils import timezone

from portal.approvals.errors import ApprovalRefusedError, SamePersonError
from portal.audit.context import Channel, acting
from portal.choices import ApprovalOutcome, Role
from portal.models import ApprovalPolicy, ApprovalRequest, BreakGlass, RoleGrant, User
from portal.services.approval_policies import request_policy
from portal.services.approvals import decide
from portal.services.break_glass import (
    close_break_glass,
    close_expired,
    open_break_glass,
    review_break_glass,
)
from portal.services.roles import request_role, revoke_role
from portal.tasks import expire_approvals
from tests.imports import make_person
from tests.portal.approvals.kinds import KEY
from tests.portal.approvals.people import Cast

pytestmark = pytest.mark.django_db
WHY = "Nobody else can be reached today."
HOUR = dt.timedelta(hours=1)


def approve(asked: ApprovalRequest, by: User) -> None:
    decide(
        request_id=asked.pk,
        approver=by,
        outcome=ApprovalOutcome.APPROVE,
        seen_hash=asked.content_hash,
        reason="",
        at=timezone.now(),
    )


def opened(cast: Cast, ago: dt.timedelta = dt.timedelta()) -> BreakGlass:
    return open_break_glass(actor=cast.ada, reason=WHY, lasting=HOUR, at=timezone.now() - ago)


def test_open_break_glass_is_shown_to_everybody_on_every_page_until_it_is_over(
    cast: Cast, client: Client
) -> None:
    client.force_login(cast.mira)
    assert "Break-glass is open." not in client.get("/").content.decode()
    client.force_login(cast.ada)
    answer = client.post("/approvals/break-glass/open/", {"reason": WHY, "hours": 1})
    assert answer.status_code == 302
    client.force_login(cast.mira)
    for path in ("/", "/approvals/", "/approvals/rules/"):
        page = client.get(path).content.decode()
        assert 'role="alert"' in page
        assert "Break-glass is open." in page
        assert "Ada can approve alone until" in page
        assert WHY in page
    client.force_login(cast.kwame)
    assert client.post(answer["Location"] + "close/").status_code == 302
    assert "Break-glass is open." not in client.get("/").content.decode()


def test_break_glass_is_reviewed_by_another_and_asked_for_at_home_until_then(
    cast: Cast, client: Client
) -> None:
    glass = opened(cast)
    path = f"/approvals/break-glass/{glass.pk}/"
    client.force_login(cast.kwame)
    assert client.post(f"{path}review/", {"review": "Fine."}).status_code == 409
    client.post(f"{path}close/")
    assert "Break-glass to review" in client.get("/").content.decode()
    assert client.post(f"{path}close/").status_code == 409
    assert client.post(f"{path}review/", {"review": "Fine."}).status_code == 302
    assert "Break-glass to review" not in client.get("/").content.decode()
    assert client.post(f"{path}review/", {"review": "Fine."}).status_code == 409
    client.force_login(cast.ada)
    assert client.post(f"{path}review/", {"review": "Fine."}).status_code == 403


def test_break_glass_needs_an_administrator_a_reason_and_an_end(cast: Cast) -> None:
    now = timezone.now()

    def refused(match: str, **changes: object) -> None:
        given = {"actor": cast.ada, "reason": WHY, "lasting": HOUR, "at": now} | changes
        with pytest.raises(ApprovalRefusedError, match=match):
            open_break_glass(**given)  # type: ignore[arg-type]

    refused("do not include", actor=cast.kwame)
    refused("at least 20", reason="urgent")
    refused("four hours", lasting=5 * HOUR)
    refused("four hours", lasting=-HOUR)
    with acting(channel=Channel.TOKEN, user_id=cast.ada.pk):
        refused("A person opens")
    opened(cast)
    refused("open already")


@pytest.mark.both_engines
def test_break_glass_that_is_over_is_closed_and_reviewed_not_by_another_account_of_the_opener(
    cast: Cast,
) -> None:
    glass = opened(cast, ago=2 * HOUR)
    assert close_expired(at=timezone.now()) == 1
    twin = make_person("ada2", Role.AUDITOR)
    User.objects.filter(pk=twin.pk).update(person_key=cast.ada.person_key)
    twin.refresh_from_db()
    with pytest.raises(SamePersonError):
        review_break_glass(glass_id=glass.pk, actor=twin, review="Fine.", at=timezone.now())
    with pytest.raises(ApprovalRefusedError, match="closed already"):
        close_break_glass(glass_id=glass.pk, actor=cast.ada, at=timezone.now())


@pytest.mark.both_engines
def test_a_role_is_asked_for_approved_by_a_third_person_and_counts_a_day_later(
    cast: Cast, client: Client
) -> None:
    client.force_login(cast.ada)
    answer = client.post(
        f"/people/{cast.mira.pk}/roles/ask/", {"role": "approver", "reason": "She stands in."}
    )
    asked = ApprovalRequest.objects.get()
    assert answer["Location"] == f"/approvals/{asked.pk}/"
    for other in (cast.ada, cast.mira):
        with pytest.raises(SamePersonError):
            approve(asked, other)
    approve(asked, cast.kwame)
    grant = RoleGrant.objects.get(user=cast.mira)
    assert grant.granted_by == cast.kwame
    assert grant.counts_from is not None
    assert grant.counts_from - grant.granted_at == dt.timedelta(hours=24)
    mira = User.objects.get(pk=cast.mira.pk)
    with pytest.raises(ApprovalRefusedError, match="too new"):
        approve(cast.ask(), mira)


def test_a_role_is_not_asked_for_twice_without_reason_or_by_just_anybody(cast: Cast) -> None:
    now = timezone.now()
    with pytest.raises(ApprovalRefusedError, match="nothing to do"):
        request_role(user=cast.kwame, role=Role.APPROVER, reason="Again.", actor=cast.ada, at=now)
    with pytest.raises(ApprovalRefusedError, match="Say why"):
        request_role(user=cast.mira, role=Role.APPROVER, reason=" ", actor=cast.ada, at=now)
    with pytest.raises(ApprovalRefusedError, match="do not include"):
        request_role(user=cast.mira, role=Role.APPROVER, reason="x", actor=cast.mira, at=now)


def test_a_role_is_taken_away_at_once_with_a_reason(cast: Cast, client: Client) -> None:
    client.force_login(cast.ada)
    path = f"/people/{cast.kwame.pk}/roles/approver/revoke/"
    assert "required" in client.post(path, {"reason": ""}).content.decode()
    assert client.post(path, {"reason": "Moved on."}).status_code == 302
    assert not RoleGrant.objects.filter(user=cast.kwame).exists()
    assert client.get(f"/people/{cast.kwame.pk}/roles/king/revoke/").status_code == 404
    with pytest.raises(ApprovalRefusedError, match="do not include"):
        revoke_role(
            user=cast.ed, role=Role.APPROVER, reason="x", actor=cast.ruth, at=timezone.now()
        )


@pytest.mark.both_engines
def test_rules_change_by_approval_and_what_waits_under_the_old_ones_is_void(
    cast: Cast, client: Client
) -> None:
    waiting = cast.ask()
    client.force_login(cast.ada)
    answer = client.post(
        f"/approvals/rules/{KEY}/ask/",
        {"approver_roles": ["programme_lead"], "request_days": 3, "reason": "Closer to it."},
    )
    asked = ApprovalRequest.objects.exclude(pk=waiting.pk).get()
    assert answer["Location"] == f"/approvals/{asked.pk}/"
    assert "Asked for" in client.get("/approvals/rules/").content.decode()
    approve(asked, cast.kwame)
    waiting.refresh_from_db()
    assert (waiting.status, waiting.closed_why) == (
        "voided",
        "The rules for approving this have changed.",
    )
    policy = ApprovalPolicy.objects.get()
    assert (policy.version, policy.approver_roles) == (1, ["programme_lead"])
    again = cast.ask()
    assert again.approver_roles == "|programme_lead|"
    assert again.expires_at - again.requested_at == dt.timedelta(days=3)
    page = client.get("/approvals/rules/").content.decode()
    assert "Programme lead" in page
    assert f"Approval {asked.pk}" in page


@pytest.mark.parametrize(
    ("roles", "days", "match"),
    [([], 3, "at least one role"), ([Role.ADMINISTRATOR], 3, "neither approves"),
     ([Role.AUDITOR], 3, "neither approves"), ([Role.FINANCE], 0, "1 to 90"),
     ([Role.FINANCE], 91, "1 to 90")],
)  # fmt: skip
def test_rules_that_make_no_sense_are_refused(
    cast: Cast, roles: list[Role], days: int, match: str
) -> None:
    with pytest.raises(ApprovalRefusedError, match=match):
        request_policy(
            kind=KEY,
            approver_roles=roles,
            request_days=days,
            reason="",
            actor=cast.ada,
            at=timezone.now(),
        )


def test_the_hourly_job_closes_requests_and_break_glass(cast: Cast) -> None:
    from portal.services.approvals import request_approval

    old = request_approval(
        kind=KEY,
        subject=str(cast.cloud.pk),
        payload={"name": "New"},
        reason="",
        actor=cast.ruth,
        at=timezone.now() - dt.timedelta(days=20),
    )
    glass = opened(cast, ago=2 * HOUR)
    expire_approvals()
    old.refresh_from_db()
    glass.refresh_from_db()
    assert (old.status, glass.closed_at) == ("expired", glass.expires_at)
