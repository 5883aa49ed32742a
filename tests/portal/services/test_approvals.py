"""Asking for a second person and deciding as one: what is refused, what is void, what happens."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from portal.approvals.errors import (
    ApprovalRefusedError,
    ChangedSinceError,
    NotPendingError,
    SamePersonError,
)
from portal.approvals.registry import SubjectGoneError, approval_kinds
from portal.audit.context import Channel, acting
from portal.choices import ApprovalOutcome, ApprovalStatus, Role
from portal.models import ApprovalRequest, Connection, RoleGrant, User
from portal.services.approvals import decide, expire_due, recheck, request_approval, withdraw
from tests.imports import START, make_connection, make_person
from tests.portal.approvals.kinds import KEY, registered_kind

pytestmark = [pytest.mark.both_engines, pytest.mark.django_db]
LATER = START + dt.timedelta(hours=1)
APPROVE, REJECT = ApprovalOutcome.APPROVE, ApprovalOutcome.REJECT


@pytest.fixture(autouse=True)
def _kind() -> Iterator[None]:
    with registered_kind():
        yield


@pytest.fixture
def author() -> User:
    return make_person("ruth", Role.FINANCE)


@pytest.fixture
def approver() -> User:
    return make_person("kwame", Role.APPROVER)


@pytest.fixture
def connection() -> Connection:
    return make_connection()


def ask(
    connection: Connection, author: User, name: str = "New", *, beneficiaries: Sequence[int] = ()
) -> ApprovalRequest:
    return request_approval(
        kind=KEY,
        subject=str(connection.pk),
        payload={"name": name, "for": list(beneficiaries)},
        reason="It reads better.",
        actor=author,
        at=START,
    )


def answer(request: ApprovalRequest, approver: User, **changes: Any) -> ApprovalRequest:
    values: dict[str, Any] = {
        "outcome": APPROVE,
        "seen_hash": request.content_hash,
        "reason": "",
        "at": LATER,
    }
    return decide(request_id=request.pk, approver=approver, **values | changes)


def status(request: ApprovalRequest) -> str:
    return ApprovalRequest.objects.get(pk=request.pk).status


def test_nothing_happens_until_another_person_approves_and_then_it_does(
    connection: Connection, author: User, approver: User
) -> None:
    request = ask(connection, author)
    assert Connection.objects.get().name == connection.name
    answer(request, approver)
    assert Connection.objects.get().name == "New"
    assert status(request) == ApprovalStatus.APPROVED
    assert request.content == {
        "title": "Call it New",
        "before": {"Name": "Cloud"},
        "after": {"Name": "New"},
        "facts": [["Source", "focus"], ["Active", "True"]],
    }


def test_a_rejection_says_why_and_changes_nothing(
    connection: Connection, author: User, approver: User
) -> None:
    request = ask(connection, author)
    with pytest.raises(ApprovalRefusedError, match="Say why"):
        answer(request, approver, outcome=REJECT, reason="  ")
    answer(request, approver, outcome=REJECT, reason="The old one is printed on invoices.")
    assert Connection.objects.get().name == "Cloud"
    with pytest.raises(NotPendingError, match="rejected"):
        answer(request, approver)


def test_the_author_an_editor_and_whoever_gains_by_it_do_not_decide(
    connection: Connection, author: User, approver: User
) -> None:
    editor, winner = (make_person(name, Role.APPROVER) for name in ("ed", "win"))
    Connection.objects.update(config={"editors": [editor.pk]})
    request = ask(connection, author, beneficiaries=[winner.pk])
    for person in (author, editor, winner):
        with pytest.raises(SamePersonError):
            answer(request, person)
    answer(request, approver)


def test_a_second_account_of_the_author_is_the_author(connection: Connection, author: User) -> None:
    request = ask(connection, author)
    second = make_person("ruth2", Role.APPROVER)
    User.objects.filter(pk=second.pk).update(person_key=author.person_key)
    second.refresh_from_db()
    with pytest.raises(SamePersonError):
        answer(request, second)


@pytest.mark.parametrize("channel", [Channel.TOKEN, Channel.TASK])
def test_a_token_or_a_task_never_decides(
    connection: Connection, author: User, approver: User, channel: Channel
) -> None:
    request = ask(connection, author)
    with (
        acting(channel=channel, user_id=approver.pk, token_id=1),
        pytest.raises(ApprovalRefusedError, match="by a person"),
    ):
        answer(request, approver)


def test_nobody_decides_in_the_name_of_somebody_else(
    connection: Connection, author: User, approver: User
) -> None:
    request = ask(connection, author)
    with (
        acting(channel=Channel.PAGE, user_id=author.pk),
        pytest.raises(ApprovalRefusedError, match="in the name of"),
    ):
        answer(request, approver)


def test_an_edit_after_asking_voids_and_the_decision_finds_it(
    connection: Connection, author: User, approver: User
) -> None:
    request = ask(connection, author)
    Connection.objects.update(is_active=False)  # part of what is shown
    with pytest.raises(ChangedSinceError, match="changed since"):
        answer(request, approver)
    assert status(request) == ApprovalStatus.VOIDED
    assert Connection.objects.get().name == "Cloud"
    again = ask(connection, author)
    answer(again, approver)
    assert Connection.objects.get().name == "New"


def test_an_edit_that_is_not_shown_voids_nothing(
    connection: Connection, author: User, approver: User
) -> None:
    request = ask(connection, author)
    Connection.objects.update(created_at=LATER)
    recheck(kind=KEY, subject=str(connection.pk), at=LATER)
    answer(request, approver)


def test_a_recheck_voids_at_once_what_no_longer_stands(
    connection: Connection, author: User
) -> None:
    request = ask(connection, author)
    Connection.objects.update(is_active=False)
    recheck(kind=KEY, subject=str(connection.pk), at=LATER)
    assert status(request) == ApprovalStatus.VOIDED


def test_the_approver_decides_only_what_was_on_their_page(
    connection: Connection, author: User, approver: User
) -> None:
    request = ask(connection, author)
    with pytest.raises(ChangedSinceError, match="not what you were shown"):
        answer(request, approver, seen_hash="0" * 64)
    assert status(request) == ApprovalStatus.PENDING


def test_a_request_expires(connection: Connection, author: User, approver: User) -> None:
    request = ask(connection, author)
    with pytest.raises(NotPendingError, match="expired"):
        answer(request, approver, at=request.expires_at)
    assert expire_due(at=request.expires_at - dt.timedelta(seconds=1)) == 0
    assert expire_due(at=request.expires_at) == 1
    assert status(request) == ApprovalStatus.EXPIRED


def test_only_the_author_withdraws_and_a_newer_request_replaces_their_older(
    connection: Connection, author: User, approver: User
) -> None:
    first = ask(connection, author)
    with pytest.raises(ApprovalRefusedError, match="Only the person who asked"):
        withdraw(request_id=first.pk, actor=approver, reason="", at=LATER)
    second = ask(connection, author, "Newer")
    assert (status(first), status(second)) == (ApprovalStatus.WITHDRAWN, ApprovalStatus.PENDING)
    with pytest.raises(ApprovalRefusedError, match="has asked about this already"):
        ask(connection, approver)
    withdraw(request_id=second.pk, actor=author, reason="A mistake.", at=LATER)
    with pytest.raises(NotPendingError, match="withdrawn"):
        answer(second, approver)
    ask(connection, approver)


def test_roles_that_are_missing_gone_or_too_new_do_not_decide(
    connection: Connection, author: User, approver: User
) -> None:
    request = ask(connection, author)
    with pytest.raises(ApprovalRefusedError, match="roles do not include"):
        answer(request, make_person("jun", Role.ADMINISTRATOR))
    late = make_person("late")
    RoleGrant.objects.create(
        user=late, role=Role.APPROVER, granted_at=LATER, counts_from=LATER + dt.timedelta(days=1)
    )
    with pytest.raises(ApprovalRefusedError, match="too new"):
        answer(request, late)
    approver.role_grants.all().delete()  # between opening the page and the click
    with pytest.raises(ApprovalRefusedError, match="roles do not include"):
        answer(request, approver)
    User.objects.filter(pk=approver.pk).update(is_active=False)
    approver.refresh_from_db()
    with pytest.raises(ApprovalRefusedError, match="not active"):
        answer(request, approver)


def test_asking_for_what_is_there_already_or_by_whom_it_is_not_for_is_refused(
    connection: Connection, author: User
) -> None:
    with pytest.raises(ApprovalRefusedError, match="nothing to do"):
        ask(connection, author, connection.name)
    with pytest.raises(ApprovalRefusedError, match="do not include asking"):
        ask(connection, make_person("mira"))
    with pytest.raises(SubjectGoneError):
        request_approval(
            kind=KEY, subject="0", payload={"name": "x"}, reason="", actor=author, at=START
        )
    assert not ApprovalRequest.objects.exists()


def test_what_cannot_be_carried_out_is_not_decided(
    connection: Connection, author: User, approver: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = ask(connection, author)
    spec = approval_kinds.get(KEY)

    def fails(*_: object) -> None:
        raise RuntimeError("disk full")

    monkeypatch.setattr(type(spec), "apply", property(lambda _: fails), raising=False)
    with pytest.raises(RuntimeError):
        answer(request, approver)
    assert status(request) == ApprovalStatus.PENDING
