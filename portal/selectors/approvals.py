"""Reading approvals: what waits for whom, why somebody may not decide, what became of requests."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from django.db.models import Count, Exists, OuterRef, Q, QuerySet

from portal.approvals.errors import ApprovalRefusedError
from portal.approvals.registry import ApprovalKind, approval_kinds
from portal.approvals.second_person import (
    approver_roles_of,
    check_second_person,
    open_glass_of,
    same_person,
)
from portal.choices import ApprovalStatus, Role
from portal.models import (
    ApprovalParty,
    ApprovalPolicy,
    ApprovalRequest,
    BreakGlass,
    RoleGrant,
    User,
)
from portal.policies import AnyUser, may_review_break_glass, may_see_approvals
from portal.registry import NotRegisteredError

NEWS_LASTS = dt.timedelta(days=7)  # how long the home page tells what became of a request


def requests_visible_to(user: AnyUser) -> QuerySet[ApprovalRequest]:
    """Every request, newest first: who asked for what is no secret inside the house."""
    rows = ApprovalRequest.objects.order_by("-pk")
    return rows if may_see_approvals(user) else rows.none()


def open_requests(user: AnyUser, *, at: dt.datetime) -> QuerySet[ApprovalRequest]:
    """Requests that can still be decided."""
    return requests_visible_to(user).filter(status=ApprovalStatus.PENDING, expires_at__gt=at)


def waiting_for(user: AnyUser, *, at: dt.datetime) -> QuerySet[ApprovalRequest]:
    """Open requests that this person may decide about, those that expire first first.

    Hands that came into a subject after it was asked for are found when it is decided.
    """
    rows = open_requests(user, at=at).order_by("expires_at", "pk")
    if not isinstance(user, User):
        return rows.none()
    counts = Q(counts_from__isnull=True) | Q(counts_from__lte=at)
    mine = Q(pk__in=[])
    for role in RoleGrant.objects.filter(counts, user=user).values_list("role", flat=True):
        mine |= Q(approver_roles__contains=f"|{role}|")
    hands = ApprovalParty.objects.filter(same_person(user), request=OuterRef("pk"))
    return rows.filter(mine).exclude(Exists(hands))


def asked_by(user: AnyUser) -> QuerySet[ApprovalRequest]:
    """This person's own requests, newest first."""
    return requests_visible_to(user).filter(author_id=user.pk)


def news_for(user: AnyUser, *, at: dt.datetime) -> QuerySet[ApprovalRequest]:
    """What became of this person's requests lately, unless they withdrew them themselves."""
    return (
        asked_by(user)
        .exclude(status__in=(ApprovalStatus.PENDING, ApprovalStatus.WITHDRAWN))
        .filter(closed_at__gt=at - NEWS_LASTS)
        .select_related("closed_by", "decision")
        .order_by("-closed_at", "-pk")
    )


@dataclass(frozen=True, slots=True)
class Standing:
    """What a person can do about a request.

    Attributes:
        is_open: whether anybody can decide.
        may_decide: approve and reject, as a second person.
        may_break_glass: approve alone: this person has break-glass open.
        may_withdraw: it is their own, and open.
        why_not: why they may not decide as a second person; empty when they may.
    """

    is_open: bool
    may_decide: bool
    may_break_glass: bool
    may_withdraw: bool
    why_not: str

    @property
    def may_approve(self) -> bool:
        return self.may_decide or self.may_break_glass


def is_open(request: ApprovalRequest, *, at: dt.datetime) -> bool:
    """Whether it can still be decided. An expired one may not have been closed yet."""
    return request.status == ApprovalStatus.PENDING and request.expires_at > at


def why_not(person: User, request: ApprovalRequest, *, at: dt.datetime) -> str:
    """Why this person may not be the second person, in a sentence; empty when they may."""
    try:
        check_second_person(request, person, at)
    except ApprovalRefusedError as error:
        if error.code == "no_role":
            return f"{error.reason} {roles_text(request)} can."
        return error.reason
    return ""


def standing_of(person: User, request: ApprovalRequest, *, at: dt.datetime) -> Standing:
    """What this person can do about a request, by the same checks that the service makes."""
    if not is_open(request, at=at):
        return Standing(False, False, False, False, "")
    reason = why_not(person, request, at=at)
    return Standing(
        is_open=True,
        may_decide=not reason,
        may_break_glass=bool(reason) and person.is_active and open_glass_of(person, at) is not None,
        may_withdraw=request.author_id == person.pk,
        why_not=reason,
    )


def roles_text(request: ApprovalRequest) -> str:
    """Who approves it, in words: `Approver or finance`."""
    labels = sorted(str(Role(role).label) for role in approver_roles_of(request))
    return " or ".join([*labels[:1], *(label.lower() for label in labels[1:])])


def kind_label(key: str) -> str:
    """The word for a kind; its key when no room registers it any more."""
    try:
        return approval_kinds.get(key).label
    except NotRegisteredError:
        return key


def open_glasses(*, at: dt.datetime) -> QuerySet[BreakGlass]:
    """Break-glass in force now, of whomever.

    Every page asks, and there is hardly ever one: whose it is, is read only then.
    """
    return (
        BreakGlass.objects.filter(closed_at__isnull=True, opened_at__lte=at, expires_at__gt=at)
        .prefetch_related("opened_by")
        .order_by("pk")
    )


def glasses_visible_to(user: AnyUser) -> QuerySet[BreakGlass]:
    """Every break-glass with how many decisions were made under it, newest first."""
    rows = BreakGlass.objects.annotate(decided=Count("decisions")).order_by("-pk")
    return rows if may_see_approvals(user) else rows.none()


def glasses_to_review(user: AnyUser) -> QuerySet[BreakGlass]:
    """Break-glass that nobody has reviewed, for those who may, except their own."""
    rows = glasses_visible_to(user).filter(reviewed_by__isnull=True)
    if not may_review_break_glass(user) or not isinstance(user, User):
        return rows.none()
    return rows.exclude(opened_by__person_key=user.person_key).select_related("opened_by")


@dataclass(frozen=True, slots=True)
class Rule:
    """The rule in force for a kind, and the approved versions before it, newest first."""

    kind: ApprovalKind
    version: int
    roles: tuple[str, ...]
    request_days: int
    since: dt.datetime | None
    history: tuple[ApprovalPolicy, ...]
    pending: ApprovalRequest | None


def role_labels(roles: object) -> tuple[str, ...]:
    """The words for role keys, in alphabetical order."""
    keys = roles if isinstance(roles, (list, tuple, set, frozenset)) else ()
    return tuple(sorted(str(Role(key).label) for key in keys))


def rules_of_approval(*, policy_kind: str) -> list[Rule]:
    """Every kind with its rule. `policy_kind` is the kind by which rules themselves change."""
    versions: dict[str, list[ApprovalPolicy]] = {}
    for row in ApprovalPolicy.objects.order_by("kind", "-version"):
        versions.setdefault(row.kind, []).append(row)
    asked = {
        row.subject: row
        for row in ApprovalRequest.objects.filter(kind=policy_kind, status=ApprovalStatus.PENDING)
    }
    return [
        _rule(kind, versions.get(kind.key, []), asked.get(kind.key))
        for kind in sorted(approval_kinds, key=lambda each: each.label)
    ]


def _rule(kind: ApprovalKind, rows: list[ApprovalPolicy], asked: ApprovalRequest | None) -> Rule:
    live = next((row for row in rows if row.retired_at is None), None)
    if live is None:
        roles = role_labels([role.value for role in kind.approver_roles])
        return Rule(kind, 0, roles, kind.request_days, None, tuple(rows), asked)
    return Rule(
        kind,
        live.version,
        role_labels(live.approver_roles),
        live.request_days,
        live.effective_at,
        tuple(rows),
        asked,
    )
