"""People: creating accounts, letting leavers go, ending sessions, resetting second factors."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.contrib.auth.password_validation import validate_password
from django.contrib.sessions.models import Session
from django.db import transaction
from django.db.models import F

from portal.choices import Role, SignInEventKind
from portal.models import RoleGrant, User
from portal.services.sign_in_events import record_sign_in_event


class PersonRefusedError(ValueError):
    """Nothing was changed; the text says why, for people."""


@transaction.atomic
def create_person(
    *,
    username: str,
    full_name: str,
    email: str,
    password: str,
    roles: Iterable[Role] = (),
    at: datetime,
    actor: User | None = None,
) -> User:
    """Create a local account.

    Raises:
        django.core.exceptions.ValidationError: the name is taken, or the password too weak.
    """
    user = User(username=username, full_name=full_name, email=email)
    validate_password(password, user)
    user.set_password(password)
    user.full_clean()
    user.save()
    RoleGrant.objects.bulk_create(
        RoleGrant(user=user, role=role, granted_by=actor, granted_at=at) for role in roles
    )
    return user


@transaction.atomic
def end_sessions(
    *, user: User, at: datetime, actor: User | None = None, keep: str | None = None
) -> int:
    """End every session of a person at once, on every machine; returns how many were known.

    The epoch makes the cookies worthless even where a session is not known to be theirs. Who keeps
    one (`keep`, a session key) must put the new hash into it: `update_session_auth_hash`.
    """
    User.objects.filter(pk=user.pk).update(session_epoch=F("session_epoch") + 1)
    user.refresh_from_db(fields=["session_epoch"])
    known = UserSession.objects.filter(user=user)
    if keep is not None:
        known = known.exclude(session_key=keep)
    keys = list(known.values_list("session_key", flat=True))
    Session.objects.filter(session_key__in=keys).delete()
    UserSession.objects.filter(session_key__in=keys).delete()
    record_sign_in_event(kind=SignInEventKind.SESSIONS_ENDED, user=user, at=at, actor=actor)
    return len(keys)


@transaction.atomic
def end_session(*, user: User, session_pk: int, at: datetime) -> bool:
    """End one session of this person's own; False when there is none of that number."""
    session = UserSession.objects.filter(user=user, pk=session_pk).first()
    if session is None:
        return False
    session.end()
    record_sign_in_event(
        kind=SignInEventKind.SESSIONS_ENDED, user=user, at=at, actor=user, detail="one session"
    )
    return True


@transaction.atomic
def deactivate_person(*, user: User, reason: str, at: datetime, actor: User | None = None) -> None:
    """Cut a leaver off: no sign-in, no session, no token, no role, from this moment on.

    What they did stays theirs. Roles are taken away, so that coming back gives none by itself;
    API tokens ask whether their owner is active.

    Raises:
        PersonRefusedError: no reason is given, it is oneself, or nobody is left to administer.
    """
    if not reason.strip():
        raise PersonRefusedError("Say why: the reason is kept in the audit.")
    if actor is not None and actor.pk == user.pk:
        raise PersonRefusedError("Nobody deactivates their own account; ask another administrator.")
    user = User.objects.select_for_update().get(pk=user.pk)
    if _is_last_administrator(user):
        raise PersonRefusedError(
            "This is the last active administrator. Give the role to another person first."
        )
    if user.is_active:
        user.is_active = False
        user.save(update_fields=["is_active"])
        record_sign_in_event(
            kind=SignInEventKind.DEACTIVATED, user=user, at=at, actor=actor, detail=reason.strip()
        )
    RoleGrant.objects.filter(user=user).delete()
    end_sessions(user=user, at=at, actor=actor)


def _is_last_administrator(user: User) -> bool:
    administrators = RoleGrant.objects.filter(role=Role.ADMINISTRATOR, user__is_active=True)
    return (
        administrators.filter(user=user).exists() and not administrators.exclude(user=user).exists()
    )


@transaction.atomic
def reactivate_person(*, user: User, reason: str, at: datetime, actor: User | None = None) -> None:
    """Let a person sign in again, without any role and without any old session.

    Raises:
        PersonRefusedError: no reason is given, or the account is active.
    """
    if not reason.strip():
        raise PersonRefusedError("Say why: the reason is kept in the audit.")
    user = User.objects.select_for_update().get(pk=user.pk)
    if user.is_active:
        raise PersonRefusedError("This account is active already.")
    user.is_active = True
    user.save(update_fields=["is_active"])
    record_sign_in_event(
        kind=SignInEventKind.REACTIVATED, user=user, at=at, actor=actor, detail=reason.strip()
    )


@transaction.atomic
def reset_second_factor(*, user: User, reason: str, at: datetime, actor: User | None) -> None:
    """Take away a lost second factor, and every session with it; the next sign-in sets up another.

    Raises:
        PersonRefusedError: no reason, oneself, or the break-glass account (made anew by command).
    """
    if not reason.strip():
        raise PersonRefusedError("Say why: the reason is kept in the audit.")
    if actor is not None and actor.pk == user.pk:
        raise PersonRefusedError("Another administrator resets yours; that is the point of it.")
    if user.is_break_glass:
        raise PersonRefusedError(
            "The break-glass account is made anew: manage.py break_glass_account."
        )
    Authenticator.objects.filter(user=user).delete()
    end_sessions(user=user, at=at, actor=actor)
    record_sign_in_event(
        kind=SignInEventKind.FACTOR_RESET, user=user, at=at, actor=actor, detail=reason.strip()
    )
