"""The account for the day on which the identity provider is down: who uses it now, for all to see.

Its making is a command, its second factor is not negotiable, and every sign-in is an event logged
as an error. `break_glass_banner` is what every page shows while a session of it is open.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from allauth.usersessions.models import UserSession
from django.conf import settings
from django.core.cache import cache
from django.http import HttpRequest
from django.utils import timezone

from portal.shell.banners import Banner, BannerText

CACHE_KEY = "portal.signin.break_glass"
CACHE_SECONDS = 15


@dataclass(frozen=True, slots=True)
class BreakGlassUse:
    """An open session of the break-glass account."""

    name: str
    since: datetime


def open_break_glass(*, at: datetime) -> BreakGlassUse | None:
    """The newest open session of the account, or None. One short query."""
    oldest = at - timedelta(hours=settings.SIGN_IN.session_hours)
    session = (
        UserSession.objects.select_related("user")
        .filter(user__is_break_glass=True, user__is_active=True, created_at__gt=oldest)
        .order_by("-created_at")
        .first()
    )
    if session is None or not session.exists():
        return None
    return BreakGlassUse(session.user.get_full_name(), session.created_at)


def break_glass_banner(request: HttpRequest) -> BannerText | None:
    """Said on every page of everybody who is signed in; at most some seconds late."""
    if not request.user.is_authenticated:
        return None
    use = cache.get(CACHE_KEY, False)
    if use is False or getattr(request.user, "is_break_glass", False):
        use = open_break_glass(at=timezone.now())
        cache.set(CACHE_KEY, use, CACHE_SECONDS)
    if use is None:
        return None
    return BannerText(
        title="The break-glass account is signed in.",
        text=f"{use.name}, since {use.since:%H:%M} UTC. Whatever it does is recorded.",
    )


BREAK_GLASS_BANNER = Banner("portal.break_glass_account", 10, break_glass_banner)
