"""Approvals: the inbox, requests, break-glass, roles and rules."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.utils import timezone

from portal.choices import ApprovalOutcome, Role
from portal.services.approvals import decide
from portal.services.break_glass import close_break_glass, open_break_glass
from portal.services.roles import request_role
from tests.access.matrix import (
    EVERYBODY,
    Column,
    Door,
    action,
    api,
    form_function,
    listing,
    only,
    page,
)
from tests.access.readers import Panel, Reader
from tests.adoption.factories import make_user

APPROVER = only(Column.APPROVER)
AUTHOR = only(Column.PROGRAMME_LEAD)
ADMINISTRATOR = only(Column.ADMINISTRATOR)
ASK_FOR_ROLES = only(Column.ADMINISTRATOR, Column.PROGRAMME_LEAD)
REVIEW = only(Column.APPROVER, Column.AUDITOR)
REQUEST = {"pk": "asked.pk"}
OPEN_GLASS = {"pk": "open_glass.pk"}
GLASS = {"pk": "glass.pk"}

ROWS = [
    listing("approval-list", EVERYBODY),
    listing("approval-list", EVERYBODY, query="view=all", label="all"),
    page("approval", EVERYBODY, values=REQUEST),
    action("approval-decide", APPROVER, answer=200, values=REQUEST),
    action("approval-withdraw", AUTHOR, values=REQUEST),
    page("approval-rules", EVERYBODY),
    form_function("approval-rules-ask", ADMINISTRATOR, values={"kind": "=portal.role"}),
    listing("break-glass-list", EVERYBODY),
    form_function("break-glass-open", ADMINISTRATOR),
    page("break-glass", EVERYBODY, values=GLASS),
    page("break-glass", EVERYBODY, values=OPEN_GLASS, label="open"),
    action("break-glass-close", REVIEW, values=OPEN_GLASS),
    action("break-glass-review", REVIEW, answer=200, values=GLASS),
    form_function("role-ask", ASK_FOR_ROLES, values={"pk": "maker.pk"}),
    form_function("role-revoke", ADMINISTRATOR, values={"pk": "maker.pk", "role": "=finance"}),
    api("api-approvals", get=Door(EVERYBODY), inside=200),
    api("api-approval", get=Door(EVERYBODY), values=REQUEST, inside=404),
    api("api-approval-approve", post=Door(APPROVER, 428), values=REQUEST, inside=404),
    api("api-approval-reject", post=Door(APPROVER, 428), values=REQUEST, inside=404),
    api("api-approval-withdraw", post=Door(AUTHOR, 428), values=REQUEST, inside=404),
]

_SELECTORS = "portal.selectors.approvals"
READERS = [
    Reader(f"{_SELECTORS}:requests_visible_to", EVERYBODY),
    Reader(f"{_SELECTORS}:open_requests", EVERYBODY, arguments={"at": "@asked_at"}),
    Reader(f"{_SELECTORS}:waiting_for", APPROVER, arguments={"at": "@asked_at"}),
    Reader(f"{_SELECTORS}:asked_by", AUTHOR),
    Reader(f"{_SELECTORS}:news_for", AUTHOR, arguments={"at": "@asked_at"}),
    Reader(f"{_SELECTORS}:glasses_visible_to", EVERYBODY),
    Reader(f"{_SELECTORS}:glasses_to_review", REVIEW),
]
PANELS = [
    Panel("portal.approvals_waiting", APPROVER),
    Panel("portal.approvals_news", AUTHOR),
    Panel("portal.break_glass_review", REVIEW),
]


def prepare(world: Any) -> None:
    """One request that waits, one that was rejected; one break-glass open, one to be reviewed."""
    now = timezone.now()
    lead, approver = world.people[Column.PROGRAMME_LEAD], world.people[Column.APPROVER]
    for role, name in ((Role.AUDITOR, "refused"), (Role.FINANCE, "asked")):
        made = request_role(user=world.maker, role=role, reason="Needed.", actor=lead, at=now)
        world.add(**{name: made})
    decide(
        request_id=world.refused.pk,
        approver=approver,
        outcome=ApprovalOutcome.REJECT,
        seen_hash=world.refused.content_hash,
        reason="Not needed.",
        at=now,
    )
    opener = make_user(Role.ADMINISTRATOR, name="Opener")
    for name, hour in (("glass", 2), ("open_glass", 0)):
        opened = open_break_glass(
            actor=opener,
            reason="Nobody else can be reached.",
            lasting=dt.timedelta(hours=3),
            at=now - dt.timedelta(hours=hour),
        )
        world.add(**{name: opened})
        if hour:
            close_break_glass(glass_id=opened.pk, actor=opener, at=now - dt.timedelta(hours=1))
    world.add(asked_at=now)
