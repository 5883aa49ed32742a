"""What needs a second person, who decided alone, who may sign in, and work that was given up."""

from __future__ import annotations

import datetime as dt
from typing import Any

from allauth.account.internal.flows.login import AUTHENTICATION_METHODS_SESSION_KEY
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
from django.test import Client
from django.urls import reverse

from billing.choices import MatchField, MatchMode
from billing.models import AllocationRule
from billing.services.allocation_rules import RuleDraft
from billing.services.rule_requests import request_replacement
from portal.choices import ApprovalOutcome, AuditOperation, Role, WorkStatus
from portal.models import ApprovalRequest, AuditEvent, BreakGlass, User, WorkItem
from portal.services.approvals import decide, withdraw
from portal.services.audit import seal_audit
from portal.services.break_glass import close_expired, open_break_glass, review_break_glass
from portal.services.people import create_person, deactivate_person
from portal.services.roles import request_role
from tests.approving import approve
from tests.browser.story_bills import LONG, UNBROKEN

PASSWORD = "a long pass phrase"  # noqa: S105  (of people who live in a story)
REASON = f"The provider has changed its invoice: {UNBROKEN}. " + "Nobody else can be reached. " * 9
FOLLOW_UP = "follow-up:adoption.outcomes"


def make_people(*, now: dt.datetime, viewer: User, **_: Any) -> dict[str, Any]:
    """Who reads the audit and decides, with a second factor; one who comes, one who has left."""
    early = now - dt.timedelta(days=80)
    auditor, newcomer, leaver = (
        create_person(
            username=name, full_name=full_name, email=f"{name[:60]}@acme.example",
            password=PASSWORD, roles=roles, actor=viewer, at=early,
        )
        for name, full_name, roles in (
            ("ines", "Inês de Albuquerque e Castro", (Role.AUDITOR, Role.APPROVER)),
            ("tomas." + "de-la-cruz-" * 8, f"Tomás {UNBROKEN[:90]}", ()),
            ("ona", "Ona Puig", (Role.FINANCE,)),
        )
    )  # fmt: skip
    TOTP.activate(auditor, generate_totp_secret())
    RecoveryCodes.activate(auditor)
    deactivate_person(user=leaver, reason=f"Left. {UNBROKEN}", actor=viewer, at=now)
    return {"auditor": auditor, "newcomer": newcomer, "leaver": leaver}


def make_approvals(
    *, now: dt.datetime, viewer: User, auditor: User, newcomer: User, rule: AllocationRule, **_: Any
) -> dict[str, Any]:
    """One that waits with long texts, and those that were approved, rejected, withdrawn."""
    earlier = now - dt.timedelta(days=3)

    def ask(role: Role) -> ApprovalRequest:
        return request_role(user=newcomer, role=role, reason=REASON, actor=viewer, at=earlier)

    approved = approve(ask(Role.FINANCE), by=auditor)
    refused = ask(Role.APPROVER)
    rejected = decide(
        request_id=refused.pk, approver=auditor, outcome=ApprovalOutcome.REJECT,
        seen_hash=refused.content_hash, reason=f"Not yet: {REASON}", at=earlier,
    )  # fmt: skip
    withdrawn = withdraw(
        request_id=ask(Role.AUDITOR).pk, actor=viewer, reason="Asked too early.", at=now
    )
    draft = RuleDraft(
        name=f"{LONG} of 2027", starts_on=now.date(), field=MatchField.TAG, tag_key="use_case",
        mode=MatchMode.EQUALS, value=UNBROKEN,
        shares=tuple(rule.shares.values_list("use_case_id", "share")),
    )  # fmt: skip
    pending = request_replacement(rule_id=rule.pk, draft=draft, reason=REASON, actor=viewer, at=now)
    requests = {"pending": pending, "approved": approved, "rejected": rejected}
    return {"requests": requests | {"withdrawn": withdrawn}}


def make_glasses(
    *, now: dt.datetime, viewer: User, auditor: User, newcomer: User, **_: Any
) -> dict[str, Any]:
    """One reviewed, one that waits for its review with a decision under it, one open now."""

    def open_at(at: dt.datetime) -> BreakGlass:
        hours = dt.timedelta(hours=4)
        return open_break_glass(actor=viewer, reason=REASON, lasting=hours, at=at)

    reviewed = open_at(now - dt.timedelta(days=9))
    close_expired(at=now - dt.timedelta(days=8))
    review_break_glass(glass_id=reviewed.pk, actor=auditor, review=REASON, at=now)
    before = now - dt.timedelta(days=2)
    unreviewed = open_at(before)
    alone = request_role(
        user=newcomer, role=Role.PROGRAMME_LEAD, reason=REASON, actor=viewer, at=before
    )
    approve(alone, by=viewer)
    close_expired(at=now)
    glasses = {"open": open_at(now), "unreviewed": unreviewed, "reviewed": reviewed}
    return {"glasses": glasses, "alone": alone}


def make_work(*, now: dt.datetime, viewer: User, **_: Any) -> dict[str, Any]:
    """Given up after three attempts; done; under way."""
    given: dict[str, Any] = {"kind": FOLLOW_UP, "queue": "default", "look_at": now}
    given |= {
        "requested_at": now,
        "requested_by": viewer,
        "started_at": now,
        "worker": UNBROKEN[:90],
    }
    held = WorkItem.objects.create(
        status=WorkStatus.HELD, key="held", attempt=3, finished_at=now, payload={"run": 7},
        problem=f"Given up after 3 attempts. The last: no such file {UNBROKEN}", **given,
    )  # fmt: skip
    done = WorkItem.objects.create(
        status=WorkStatus.DONE, key="done", attempt=1, finished_at=now, **given
    )
    WorkItem.objects.create(
        status=WorkStatus.RUNNING, key="running", attempt=1, token="1" * 32, heartbeat_at=now,
        progress_done=1200, progress_total=4000, phase="Measuring milestones", **given,
    )  # fmt: skip
    return {"work": {"held": held, "done": done}}


def find_events(*, now: dt.datetime, **_: Any) -> dict[str, Any]:
    """What making all of it has left in the audit, sealed."""
    seal_audit(at=now)

    def newest(operation: AuditOperation, table: str) -> AuditEvent:
        return AuditEvent.objects.filter(operation=operation, table=table).latest("pk")

    return {
        "events": {
            "changed": newest(AuditOperation.UPDATE, AllocationRule._meta.db_table),
            "made": newest(AuditOperation.INSERT, ApprovalRequest._meta.db_table),
        }
    }


def session_of(person: User, *, now: dt.datetime) -> str:
    """The cookie of somebody who is signed in.

    The password counts as typed just now until every page has been looked at.
    """
    visitor = Client()
    visitor.force_login(person)
    session = visitor.session
    at = (now + dt.timedelta(hours=1)).timestamp()
    session[AUTHENTICATION_METHODS_SESSION_KEY] = [
        {"method": "password", "at": at, "username": person.username}
    ]
    session["_account_authentication_methods_user"] = str(person.pk)
    session.save()
    return visitor.cookies["sessionid"].value


def session_before_code(person: User) -> str:
    """The cookie of somebody who has typed the password and not yet the code."""
    visitor = Client(SERVER_NAME="localhost")
    answer = visitor.post(reverse("sign-in"), {"username": person.username, "password": PASSWORD})
    assert answer.headers["Location"] == reverse("mfa_authenticate"), answer.content
    return visitor.cookies["sessionid"].value
