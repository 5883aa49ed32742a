"""What can be approved. Rooms register their kinds; the engine knows none of them.

A kind says how a request is shown, which lock keeps its subject from moving while somebody
decides, and how an approved request is carried out. Everything else is the engine's.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.core.checks import CheckMessage, Error

from portal.choices import Role
from portal.models import ApprovalRequest, User
from portal.policies import AnyUser
from portal.registry import Registry

Payload = Mapping[str, Any]
COOLING = timedelta(hours=24)  # a role that was just given does not decide yet


class SubjectGoneError(LookupError):
    """What the request is about no longer exists, or can no longer become what was asked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """What the second person sees: exactly this is hashed, and any change of it voids.

    Attributes:
        title: what is asked, in a few words.
        before, after: the fields that would change, by label, as text; an absent value is None.
        facts: what else the decision rests on: label and text, in order.
        target: the outcome in one word; the gate in the database compares it.
        url: the page of the subject.
        editors: people whose hands are in what is shown, besides the author.
        beneficiaries: people who gain by it, such as whoever is to get a role.
    """

    title: str
    before: Mapping[str, str | None]
    after: Mapping[str, str | None]
    target: str
    facts: tuple[tuple[str, str], ...] = ()
    url: str = ""
    editors: frozenset[int] = frozenset()
    beneficiaries: frozenset[int] = frozenset()

    def shown(self) -> dict[str, Any]:
        """What is stored and shown. People with a hand in it are stored beside."""
        return {
            "title": self.title,
            "before": dict(self.before),
            "after": dict(self.after),
            "facts": [list(fact) for fact in self.facts],
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovalKind:
    """A kind of request.

    Attributes:
        key: `room.noun`.
        label: for people, singular.
        approver_roles: who approves unless an approved policy says otherwise.
        describe: `describe(subject, payload)` → what it would show now.
            Raises SubjectGoneError when there is nothing to show.
        lock: takes the lock under which `subject` is edited; called within a transaction.
        apply: carries an approved request out, within the deciding transaction.
        may_request: whether this person may ask for it.
        request_days: how long a request waits before it expires.
    """

    key: str
    label: str
    approver_roles: tuple[Role, ...]
    describe: Callable[[str, Payload], Content]
    lock: Callable[[str], None]
    apply: Callable[[ApprovalRequest, User, datetime], None]
    may_request: Callable[[AnyUser, str], bool]
    request_days: int = 14
    summary: str = field(default="", compare=False)


def _check_kind(kind: ApprovalKind) -> list[CheckMessage]:
    problems: list[CheckMessage] = []
    if not kind.approver_roles:
        problems.append(Error(f"approval kind {kind.key!r} names no approver", id="portal.E241"))
    if Role.ADMINISTRATOR in kind.approver_roles:
        problems.append(
            Error(
                f"approval kind {kind.key!r}: administrators configure, they approve nothing "
                "by that role",
                id="portal.E242",
            )
        )
    if not 1 <= kind.request_days <= 90:
        problems.append(Error(f"approval kind {kind.key!r}: 1 to 90 days", id="portal.E243"))
    return problems


approval_kinds: Registry[ApprovalKind] = Registry("approval kind", _check_kind)


def content_hash(*, kind: str, subject: str, payload: Payload, content: Content) -> str:
    """SHA-256 over what is shown and what would be carried out, as canonical JSON."""
    text = json.dumps(
        {
            "kind": kind,
            "subject": subject,
            "payload": dict(payload),
            "target": content.target,
            "content": content.shown(),
        },
        sort_keys=True,
        ensure_ascii=False,
        separators=(",", ":"),
    )
    return hashlib.sha256(text.encode()).hexdigest()
