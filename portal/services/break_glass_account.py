"""Making the one break-glass account, with its second factor, in one step."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from datetime import datetime

from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
from django.db import transaction

from portal.choices import GrantSource, Role, SignInEventKind
from portal.models import RoleGrant, User
from portal.services.people import PersonRefusedError, end_sessions
from portal.services.sign_in_events import record_sign_in_event


@dataclass(frozen=True, slots=True)
class BreakGlassKeys:
    """What goes into the envelope; shown once and stored nowhere in the clear."""

    username: str
    password: str = field(repr=False)
    totp_secret: str = field(repr=False)
    recovery_codes: tuple[str, ...] = field(repr=False)


@transaction.atomic
def make_break_glass_account(*, username: str, at: datetime) -> BreakGlassKeys:
    """Make the account, or give the existing one new keys and end its sessions.

    Raises:
        PersonRefusedError: the name belongs to a person, or the account has another name.
    """
    user = User.objects.select_for_update().filter(is_break_glass=True).first()
    if user is not None and user.username != username:
        raise PersonRefusedError(f"The break-glass account is called {user.username}.")
    if user is None:
        if User.objects.filter(username__iexact=username).exists():
            raise PersonRefusedError(f"{username} is somebody's account; choose another name.")
        user = User(username=username, full_name="Break-glass account", is_break_glass=True)
    password = secrets.token_urlsafe(24)
    user.is_active = True
    user.set_password(password)
    user.full_clean()
    user.save()
    end_sessions(user=user, at=at)
    RoleGrant.objects.get_or_create(
        user=user,
        role=Role.ADMINISTRATOR,
        defaults={"granted_at": at, "source": GrantSource.BOOTSTRAP},
    )
    Authenticator.objects.filter(user=user).delete()
    secret = generate_totp_secret()
    TOTP.activate(user, secret)
    codes = RecoveryCodes.activate(user)
    codes.mark_as_viewed()
    record_sign_in_event(kind=SignInEventKind.FACTOR_ENROLLED, user=user, at=at)
    return BreakGlassKeys(username, password, secret, tuple(codes.generate_codes()))
