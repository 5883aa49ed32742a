"""What the database refuses about approvals by itself, on both engines, whoever asks."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Callable
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction

from portal.approvals.triggers import Dialect, altered_guards, guards, install, remove
from portal.choices import ApprovalOutcome, Role
from portal.models import (
    ApprovalDecision,
    ApprovalParty,
    ApprovalPolicy,
    ApprovalRequest,
    BreakGlass,
    RoleGrant,
    User,
)
from portal.services.approvals import decide, request_approval
from tests.imports import START, make_connection, make_person
from tests.portal.approvals.kinds import KEY

pytestmark = [pytest.mark.both_engines, pytest.mark.django_db]
LATER = START + dt.timedelta(hours=1)


@pytest.fixture
def author() -> User:
    return make_person("ruth", Role.FINANCE)


@pytest.fixture
def approver() -> User:
    return make_person("kwame", Role.APPROVER)


@pytest.fixture
def request_(author: User) -> ApprovalRequest:
    return request_approval(
        kind=KEY,
        subject=str(make_connection().pk),
        payload={"name": "New"},
        reason="",
        actor=author,
        at=START,
    )


def decision(request_: ApprovalRequest, approver: User, **changes: Any) -> ApprovalDecision:
    values: dict[str, Any] = {
        "request": request_,
        "approver": approver,
        "outcome": ApprovalOutcome.APPROVE,
        "content_hash": request_.content_hash,
        "decided_at": LATER,
        "channel": "page",
    }
    return ApprovalDecision(**values | changes)


def make_administrator(person: User) -> None:
    RoleGrant.objects.create(user=person, role=Role.ADMINISTRATOR, granted_at=START)


def refused(write: Callable[[], object], message: str) -> None:
    with pytest.raises(IntegrityError, match=message), transaction.atomic():
        write()


def test_a_decision_by_another_person_with_the_role_is_taken(
    request_: ApprovalRequest, approver: User
) -> None:
    decision(request_, approver).save()
    assert ApprovalRequest.objects.filter(pk=request_.pk).update(status="approved") == 1


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"content_hash": "0" * 64}, "exactly the content"),
        ({"decided_at": START - dt.timedelta(seconds=1)}, "not open"),
        ({"decided_at": START + dt.timedelta(days=14)}, "not open|future"),
        ({"decided_at": dt.datetime(2100, 1, 1, tzinfo=dt.UTC)}, "future|not open"),
        ({"channel": "token"}, "never a token"),
        ({"channel": "task"}, "never a token"),
    ],
)
def test_a_decision_that_is_not_on_the_open_request_is_refused(
    request_: ApprovalRequest, approver: User, changes: dict[str, Any], message: str
) -> None:
    refused(decision(request_, approver, **changes).save, message)


def test_whoever_asked_does_not_decide_by_any_account(
    request_: ApprovalRequest, author: User, approver: User
) -> None:
    refused(decision(request_, author).save, "second person")
    second = make_person("ruth2", Role.APPROVER)
    User.objects.filter(pk=second.pk).update(person_key=author.person_key)
    refused(decision(request_, second).save, "second person")
    User.objects.filter(pk=second.pk).update(person_key="person:other", email="R@x.example")
    User.objects.filter(pk=author.pk).update(email="r@X.example")
    refused(decision(request_, second).save, "second person")
    # Changing one's own account after having asked hides nothing.
    User.objects.filter(pk=author.pk).update(person_key="person:new", email="")
    refused(decision(request_, author).save, "second person")


def test_without_the_role_or_with_one_that_does_not_count_yet_nobody_decides(
    request_: ApprovalRequest, approver: User
) -> None:
    other = make_person("jun", Role.ADMINISTRATOR, Role.AUDITOR)
    refused(decision(request_, other).save, "no role")
    RoleGrant.objects.create(
        user=other,
        role=Role.APPROVER,
        granted_at=START,
        counts_from=LATER + dt.timedelta(seconds=1),
    )
    refused(decision(request_, other).save, "no role")
    User.objects.filter(pk=approver.pk).update(is_active=False)
    refused(decision(request_, approver).save, "active person")


def test_a_request_moves_by_a_decision_only_and_once(
    request_: ApprovalRequest, approver: User
) -> None:
    rows = ApprovalRequest.objects.filter(pk=request_.pk)
    refused(lambda: rows.update(status="approved"), "moves once")
    refused(lambda: rows.update(status="rejected"), "moves once")
    decision(request_, approver, outcome="reject", reason="No.").save()
    refused(lambda: rows.update(status="approved"), "moves once")
    refused(lambda: rows.update(status="withdrawn"), "moves once")
    rows.update(status="rejected")
    refused(lambda: rows.update(status="pending"), "moves once")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("payload", {"name": "Other"}),
        ("content", {"title": "Other"}),
        ("content_hash", "0" * 64),
        ("target", "Other"),
        ("subject", "0"),
        ("kind", "other"),
        ("approver_roles", "|finance|"),
        ("expires_at", dt.datetime(2030, 1, 1, tzinfo=dt.UTC)),
        ("policy_version", 9),
    ],
)
def test_what_was_asked_never_changes(request_: ApprovalRequest, field: str, value: Any) -> None:
    rows = ApprovalRequest.objects.filter(pk=request_.pk)
    refused(lambda: rows.update(**{field: value}), "never changed")


def test_nothing_of_an_approval_is_deleted_or_edited(
    request_: ApprovalRequest, approver: User
) -> None:
    decision(request_, approver).save()
    for rows in (
        ApprovalRequest.objects.filter(pk=request_.pk),
        ApprovalParty.objects.filter(request=request_),
        ApprovalDecision.objects.filter(request=request_),
    ):
        refused(lambda rows=rows: rows._raw_delete(rows.db), "never deleted")  # type: ignore[misc]
    refused(lambda: ApprovalDecision.objects.update(outcome="reject", reason="x"), "never changed")
    refused(lambda: ApprovalParty.objects.update(part="editor"), "never changed")


def test_a_party_is_a_person_as_they_are(request_: ApprovalRequest, approver: User) -> None:
    forged = ApprovalParty(
        request=request_, user=approver, part="editor", person_key="person:made-up"
    )
    refused(forged.save, "as they are")
    pretender = ApprovalParty(
        request=request_, user=approver, part="author", person_key=approver.person_key
    )
    refused(pretender.save, "as they are")


def test_a_role_is_given_by_approval_and_never_edited(author: User, approver: User) -> None:
    grant = RoleGrant(
        user=author,
        role=Role.AUDITOR,
        granted_by=approver,
        granted_at=START,
        counts_from=START,
        source="approval",
    )
    refused(grant.save, "not approved|day after")
    own = RoleGrant(user=author, role=Role.AUDITOR, granted_by=author, granted_at=START)
    refused(own.save, "not_to_oneself|CHECK")
    refused(lambda: author.role_grants.update(role="auditor"), "never edited")
    refused(lambda: author.role_grants.update(user=approver), "never edited")


def test_the_rules_of_approval_change_by_approval_only(request_: ApprovalRequest) -> None:
    policy = ApprovalPolicy(
        kind=KEY,
        version=1,
        approver_roles=["administrator"],
        request_days=1,
        effective_at=START,
        request=request_,
    )
    refused(policy.save, "by approval only")


def test_a_break_glass_is_short_and_reviewed_by_another(author: User, approver: User) -> None:
    make_administrator(author)
    long = BreakGlass(
        opened_by=author,
        opened_at=START,
        expires_at=START + dt.timedelta(hours=4, seconds=1),
        reason="Fire.",
    )
    refused(long.save, "four hours")
    glass = BreakGlass.objects.create(
        opened_by=author,
        opened_at=START,
        expires_at=START + dt.timedelta(hours=4),
        reason="Fire.",
    )
    rows = BreakGlass.objects.filter(pk=glass.pk)
    refused(lambda: rows.update(expires_at=START + dt.timedelta(hours=8)), "never changed")
    refused(lambda: rows.update(reviewed_by=author), "another|CHECK")
    second = make_person("ruth2")
    User.objects.filter(pk=second.pk).update(person_key=author.person_key)
    refused(lambda: rows.update(reviewed_by=second), "another")
    assert rows.update(reviewed_by=approver) == 1


@pytest.mark.parametrize("micro", [1, 123456, 500500, 999999])
def test_four_hours_are_four_hours_to_the_microsecond(author: User, micro: int) -> None:
    make_administrator(author)
    begin = START.replace(microsecond=micro)
    end = begin + dt.timedelta(hours=4)
    glass = {"opened_by": author, "opened_at": begin, "reason": "Fire."}
    refused(BreakGlass(**glass, expires_at=end + dt.timedelta(microseconds=1)).save, "four hours")
    BreakGlass.objects.create(**glass, expires_at=end)


def test_break_glass_lets_only_its_holder_decide_and_only_while_it_is_open(
    request_: ApprovalRequest, author: User, approver: User
) -> None:
    make_administrator(author)
    glass = BreakGlass.objects.create(
        opened_by=author,
        opened_at=START,
        expires_at=START + dt.timedelta(minutes=90),
        reason="Fire.",
    )
    other = make_person("mira")
    refused(decision(request_, other, break_glass=glass).save, "not open for this person")
    late = LATER + dt.timedelta(minutes=31)
    refused(decision(request_, author, break_glass=glass, decided_at=late).save, "not open for")
    decision(request_, author, break_glass=glass).save()


def test_a_guard_that_was_taken_away_or_altered_is_found_and_made_anew() -> None:
    assert altered_guards(connection) == []
    guard = guards.get("decision_by_another")
    on = "" if connection.vendor == "sqlite" else f" ON {guard.table}"
    with connection.cursor() as cursor:
        cursor.execute(f"DROP TRIGGER {guard.name}{on}")
    assert altered_guards(connection) == [guard.key]
    install(connection)
    assert altered_guards(connection) == []


def test_without_its_guards_the_database_takes_what_it_refused(
    request_: ApprovalRequest, author: User
) -> None:
    """The tests above can fail: this is what happens without the guards."""
    remove(connection)
    decision(request_, author).save()
    assert ApprovalRequest.objects.filter(pk=request_.pk).update(target="Other") == 1


def test_the_database_refuses_what_a_service_would_let_through(
    request_: ApprovalRequest, author: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    from portal.approvals.errors import ApprovalRefusedError

    monkeypatch.setattr("portal.services.approvals.check_second_person", lambda *_, **__: None)
    with pytest.raises(ApprovalRefusedError, match="database refused"):
        decide(
            request_id=request_.pk,
            approver=author,
            outcome=ApprovalOutcome.APPROVE,
            seen_hash=request_.content_hash,
            reason="",
            at=LATER,
        )
    request_.refresh_from_db()
    assert request_.status == "pending"


def test_the_clock_of_the_guards_runs_on_within_a_transaction() -> None:
    clock = f"SELECT {Dialect(connection.vendor).minutes_from_now(5)}"
    moments = []
    with transaction.atomic(), connection.cursor() as cursor:
        for _ in range(2):
            cursor.execute(clock)
            moments.append(str(cursor.fetchone()[0]))
            time.sleep(0.005)
    assert moments[0] < moments[1]
