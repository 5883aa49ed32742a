"""Reading people, what they hold, their sessions and what happened at the door."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount
from allauth.usersessions.models import UserSession
from axes.models import AccessAttempt
from django.conf import settings
from django.db.models import Case, CharField, Exists, OuterRef, Q, QuerySet, Sum, Value, When

from portal.choices import AccountKind, Role
from portal.models import RoleGrant, SignInEvent, User
from portal.policies import AnyUser, may_see_people


def people_visible_to(user: AnyUser) -> QuerySet[User]:
    """Every account with `kind` and `has_second_factor`, for those who may see them."""
    provider = SocialAccount.objects.filter(user=OuterRef("pk"))
    factor = Authenticator.objects.filter(user=OuterRef("pk"), type=Authenticator.Type.TOTP)
    rows = User.objects.annotate(
        has_second_factor=Exists(factor),
        kind=Case(
            When(is_break_glass=True, then=Value(AccountKind.BREAK_GLASS.value)),
            When(Exists(provider), then=Value(AccountKind.PROVIDER.value)),
            default=Value(AccountKind.LOCAL.value),
            output_field=CharField(),
        ),
        state=Case(
            When(is_active=True, then=Value("active")),
            default=Value("deactivated"),
            output_field=CharField(),
        ),
    ).order_by("username", "pk")
    return rows if may_see_people(user) else rows.none()


def grants_visible_to(user: AnyUser) -> QuerySet[RoleGrant]:
    """Who holds what, since when and by whom, for those who may see people."""
    rows = RoleGrant.objects.order_by("user__username", "role", "pk")
    return rows if may_see_people(user) else rows.none()


def roles_of(user_ids: Iterable[int]) -> dict[int, list[str]]:
    """Labels of the roles of these people, by person, in one query."""
    found: dict[int, list[str]] = {}
    rows = RoleGrant.objects.filter(user_id__in=list(user_ids)).order_by("role")
    for user_id, role in rows.values_list("user_id", "role"):
        found.setdefault(user_id, []).append(Role(role).label)
    return found


def grants_of(person: User) -> list[RoleGrant]:
    """The roles of one person, with who gave them."""
    return list(person.role_grants.select_related("granted_by").order_by("role"))


def sessions_of(person: User, *, at: datetime) -> list[UserSession]:
    """The sessions of one person that are still good, newest first."""
    rows = UserSession.objects.filter(user=person).order_by("-created_at")
    return [row for row in rows if not row.purge()]


def events_of(person: User, *, count: int = 20) -> list[SignInEvent]:
    """The newest events about one account."""
    return list(SignInEvent.objects.filter(user=person).select_related("actor")[:count])


@dataclass(frozen=True, slots=True)
class Lockout:
    """Failures of an account within the time that counts."""

    failures: int
    is_locked: bool


def lockout_of(person: User, *, at: datetime) -> Lockout:
    """How close an account is to being locked, from any address."""
    rows = AccessAttempt.objects.filter(
        Q(username=person.username.casefold()), attempt_time__gte=at - settings.AXES_COOLOFF_TIME
    )
    failures = int(rows.aggregate(total=Sum("failures_since_start"))["total"] or 0)
    return Lockout(failures, failures >= settings.AXES_FAILURE_LIMIT)


def has_second_factor(person: User) -> bool:
    """Whether the person set up a second factor."""
    return bool(Authenticator.objects.filter(user=person, type=Authenticator.Type.TOTP).exists())
