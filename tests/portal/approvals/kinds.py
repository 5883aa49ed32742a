"""A governed thing for tests: the label of a connection, changed by approval only."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from contextlib import contextmanager

from portal.approvals.registry import (
    ApprovalKind,
    Content,
    Payload,
    SubjectGoneError,
    approval_kinds,
)
from portal.choices import Role
from portal.models import ApprovalRequest, Connection, User
from portal.policies import AnyUser, holds

KEY = "test.label"


def describe(subject: str, payload: Payload) -> Content:
    found = Connection.objects.filter(pk=subject).first()
    if found is None:
        raise SubjectGoneError("There is no such connection.")
    return Content(
        title=f"Call it {payload['name']}",
        before={"Name": found.name},
        after={"Name": payload["name"]},
        target=payload["name"],
        facts=(("Source", found.source), ("Active", str(found.is_active))),
        editors=frozenset(found.config.get("editors", ())),
        beneficiaries=frozenset(payload.get("for", ())),
    )


def lock(subject: str) -> None:
    list(Connection.objects.select_for_update().filter(pk=subject))


def apply(request: ApprovalRequest, approver: User, at: dt.datetime) -> None:
    Connection.objects.filter(pk=request.subject).update(name=request.payload["name"])


def may_request(user: AnyUser, subject: str) -> bool:
    return holds(user, Role.FINANCE, Role.APPROVER, Role.PROGRAMME_LEAD)


KIND = ApprovalKind(
    key=KEY,
    label="Label",
    approver_roles=(Role.APPROVER, Role.FINANCE),
    describe=describe,
    lock=lock,
    apply=apply,
    may_request=may_request,
)


@contextmanager
def registered_kind() -> Iterator[ApprovalKind]:
    """The kind, for one test."""
    approval_kinds.register(KIND)
    try:
        yield KIND
    finally:
        approval_kinds._items.pop(KEY)
