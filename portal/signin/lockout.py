"""Lockout after failures, by account and by network address, counted in the database.

django-axes counts; this says how much is too much. An account is locked for whoever tries it,
whether it exists or not, so that a lockout tells nobody which accounts there are.
"""

from __future__ import annotations

import unicodedata
from typing import Any

import structlog
from axes.handlers.database import AxesDatabaseHandler
from django.conf import settings
from django.db.models import Sum
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from portal.choices import SignInEventKind
from portal.models import User
from portal.services.lockouts import forget_failures
from portal.services.sign_in_events import record_sign_in_event
from portal.signin.addresses import client_address

log = structlog.get_logger(__name__)


def account_key(request: HttpRequest, credentials: dict[str, Any] | None) -> str:
    """The name that was tried, in one spelling; failures of all its spellings add up."""
    name = (credentials or {}).get("username") or request.POST.get("username", "")
    return unicodedata.normalize("NFKC", str(name)).strip().casefold().replace("\0", "")[:255]


class LockoutHandler(AxesDatabaseHandler):  # type: ignore[misc]  # axes ships no types
    """Counts as axes does, with one limit for an account and a wider one for an address.

    Many people share one address behind a company's router, but nobody shares an account.
    """

    def get_failures(self, request: HttpRequest, credentials: dict[str, Any] | None = None) -> int:
        """Failures of the account; at least the limit when the address is over its own."""
        by_account, by_address = (
            attempts.aggregate(total=Sum("failures_since_start"))["total"] or 0
            for attempts in self.get_user_attempts(request, credentials)
        )
        if by_address >= settings.SIGN_IN_FAILURES_PER_ADDRESS:
            return max(int(by_account), int(settings.AXES_FAILURE_LIMIT))
        return int(by_account)

    def user_login_failed(
        self,
        sender: Any,
        credentials: dict[str, Any],
        request: HttpRequest | None = None,
        **kwargs: Any,
    ) -> None:
        """Count it, and say so where an account exists."""
        super().user_login_failed(sender, credentials, request, **kwargs)
        if request is not None:
            _note_failure(request, account_key(request, credentials))

    def reset_user_attempts(
        self, request: HttpRequest, credentials: dict[str, Any] | None = None
    ) -> int:
        """After a success the account starts anew, the address does not.

        Otherwise whoever has one account could try every other one from the same address.
        """
        return forget_failures(account_key(request, credentials))


def _note_failure(request: HttpRequest, account: str) -> None:
    is_locked = bool(getattr(request, "axes_locked_out", False))
    user = User.objects.filter(username__iexact=account).first()
    address = client_address(request)
    if user is None:
        log.warning("sign_in_refused", known=False, locked=is_locked, address=address)
        return
    record_sign_in_event(
        kind=SignInEventKind.LOCKED if is_locked else SignInEventKind.REFUSED,
        user=user,
        at=timezone.now(),
        address=address,
    )


def lockout_page(
    request: HttpRequest, response: HttpResponse | None = None, credentials: Any = None
) -> HttpResponse:
    """What a locked-out caller gets, whoever they tried to be."""
    minutes = int(settings.AXES_COOLOFF_TIME.total_seconds() // 60)
    answer = render(
        request,
        "portal/signin/locked.html",
        {"page_title": "Too many failed attempts", "minutes": minutes},
        status=429,
    )
    answer.headers["Retry-After"] = str(minutes * 60)
    return answer
