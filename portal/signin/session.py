"""What a session was opened with, and whether that is enough."""

from __future__ import annotations

from datetime import datetime

from allauth.account.internal.flows.login import get_authentication_records
from django.conf import settings
from django.http import HttpRequest

from portal.choices import Role
from portal.models import User
from portal.signin.adapters import SIGNED_IN_AT


def methods_of(request: HttpRequest) -> frozenset[str]:
    """`password`, `socialaccount`, `mfa`: what this session was opened with."""
    return frozenset(
        record["method"] for record in get_authentication_records(request, request.user)
    )


def came_from_provider(request: HttpRequest) -> bool:
    """Whether an identity provider vouches for this session; its second factor is its own."""
    return "socialaccount" in methods_of(request)


def needs_second_factor(request: HttpRequest) -> bool:
    """Whether this session must not go on with a password alone."""
    user = request.user
    if not isinstance(user, User):
        return False
    if not user.is_break_glass:
        if not settings.SIGN_IN.second_factor:
            return False
        if not (user.is_superuser or user.has_role(Role.ADMINISTRATOR)):
            return False
    methods = methods_of(request)
    return not methods & {"socialaccount", "mfa"}


def is_over(request: HttpRequest, *, at: datetime) -> bool:
    """Whether the session is older than a session may get, used or not."""
    began = request.session.get(SIGNED_IN_AT)
    if not isinstance(began, (int, float)):
        return False
    return at.timestamp() - began > settings.SIGN_IN.session_hours * 3600
