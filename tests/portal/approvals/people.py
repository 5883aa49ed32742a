"""A small cast around one request, for tests of pages, API and attacks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.utils import timezone

from portal.choices import Role
from portal.models import ApprovalRequest, Connection, User
from portal.services.approvals import request_approval
from tests.imports import make_connection, make_person
from tests.portal.approvals.kinds import KEY


@dataclass
class Cast:
    """Ruth asks, Kwame approves, Ed edited what is shown, Ada administers, Mira holds no role."""

    ruth: User
    kwame: User
    ed: User
    ada: User
    mira: User
    lead_approver: User  # a second person who may decide
    cloud: Connection

    def ask(self, name: str = "New", **payload: Any) -> ApprovalRequest:
        """Ruth asks now that the connection is called so."""
        return request_approval(
            kind=KEY,
            subject=str(self.cloud.pk),
            payload={"name": name, **payload},
            reason="It reads better.",
            actor=self.ruth,
            at=timezone.now(),
        )


def make_cast() -> Cast:
    """Everybody, and a connection whose name changes by approval only."""
    ed = make_person("ed", Role.APPROVER)
    cloud = make_connection()
    Connection.objects.filter(pk=cloud.pk).update(config={"editors": [ed.pk]})
    cloud.refresh_from_db()
    return Cast(
        ruth=make_person("ruth", Role.FINANCE),
        kwame=make_person("kwame", Role.APPROVER),
        ed=ed,
        ada=make_person("ada", Role.ADMINISTRATOR),
        mira=make_person("mira"),
        lead_approver=make_person("lea", Role.APPROVER),
        cloud=cloud,
    )
