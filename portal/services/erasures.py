"""Erasing a person: asked for by an administrator, approved by a second person, done at once.

Nothing that is kept of the request names the person: requests are for ever. Who decides looks at
the page of the erasure, which shows the account as it is now.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping

from portal.approvals.errors import ApprovalRefusedError, SamePersonError
from portal.approvals.registry import Content, Payload, SubjectGoneError
from portal.approvals.second_person import accounts_of
from portal.models import ApprovalRequest, User
from portal.personal_data import erasure_address, personal_stores
from portal.policies import AnyUser, may_request_erasures
from portal.selectors.erasures import ERASURE_KIND, STAYS, erasure_of
from portal.services.approvals import request_approval
from portal.services.audit import erase_person

ERASED = "erased"


def request_erasure(*, person: User, reason: str, actor: User, at: dt.datetime) -> ApprovalRequest:
    """Ask that everything that names a person is erased. Somebody else approves.

    Raises:
        ApprovalRefusedError: it is oneself, no reason is given, nothing is left to erase, it is
            asked for already, or not theirs to ask.
        SubjectGoneError: the account is active, or the break-glass account.
    """
    if actor.pk == person.pk:
        raise ApprovalRefusedError("oneself", "Nobody erases themself; ask another administrator.")
    if not reason.strip():
        raise ApprovalRefusedError("no_reason", "Say why, without naming the person.")
    return request_approval(
        kind=ERASURE_KIND,
        subject=str(person.pk),
        payload={"person": person.pk},
        reason=reason,
        actor=actor,
        at=at,
    )


def describe_erasure(subject: str, payload: Payload) -> Content:
    """What the approver decides on: how much of what is erased, and what stays."""
    person = _person(subject)
    found = erasure_of(person)
    return Content(
        title=f"Erase the person of account {person.pk}",
        before={each.label: str(each.count) for each in found},
        after={each.label: "0" for each in found},
        facts=(
            ("Who it is", "stands on the page of the erasure, and nowhere in this request"),
            ("It cannot be undone", "back-ups made before still hold it until they are deleted"),
            *_stays(),
        ),
        target=ERASED,
        url=erasure_address(person.pk),
    )


def _stays() -> tuple[tuple[str, str], ...]:
    kept: Mapping[str, str] = {store.label: store.stays for store in personal_stores}
    return tuple((f"Stays of: {label}", text) for label, text in kept.items() if text) + (
        ("Stays of: the audit", STAYS),
    )


def lock_erasure(subject: str) -> None:
    """An account is changed under its own lock."""
    list(User.objects.select_for_update(no_key=True).filter(pk=_number(subject)))


def apply_erasure(request: ApprovalRequest, approver: User, at: dt.datetime) -> None:
    """Empty every store, then the audit, which has recorded that and what was there.

    Raises:
        SamePersonError: the approver is the person, by another account.
    """
    person = _person(request.subject)
    if User.objects.filter(accounts_of(approver), pk=person.pk).exists() or (
        User.objects.filter(accounts_of(person), pk=approver.pk).exists()
    ):
        raise SamePersonError("same_person", "Nobody decides about the erasure of themself.")
    for store in personal_stores:
        store.erase(person)
    erase_person(person=person, reason=request.reason, actor=request.author, at=at)


def may_ask_for_erasure(user: AnyUser, subject: str) -> bool:
    return may_request_erasures(user)


def _number(subject: str) -> int:
    return int(subject) if subject.isdecimal() else 0


def _person(subject: str) -> User:
    person = User.objects.filter(pk=_number(subject)).first()
    if person is None:
        raise SubjectGoneError("There is no such account.")
    if person.is_active:
        raise SubjectGoneError("The account is active. Deactivate it first.")
    if person.is_break_glass:
        raise SubjectGoneError("The break-glass account is nobody's.")
    return person
