"""What holds for every request of a signed-in person, whichever page it is for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import structlog
from django.contrib.auth import logout
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.urls import reverse
from django.utils import timezone

from portal.api.errors import problem_for_status, problem_response
from portal.models import User
from portal.signin.session import is_over, needs_second_factor

log = structlog.get_logger(__name__)
# Where somebody without a second factor may still go: to get one, or away.
OPEN_WITHOUT_FACTOR = frozenset(
    {
        "second-factor-needed",
        "mfa_activate_totp",
        "mfa_reauthenticate",
        "account_reauthenticate",
        "sign-out",
        "theme",
        "healthz",
        "readyz",
    }
)
SAFE_METHODS = {"GET", "HEAD", "OPTIONS"}


class SignInRulesMiddleware:
    """Ends old sessions, asks administrators for their second factor, watches break-glass."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(
        self, request: HttpRequest, view: Any, args: Any, kwargs: Any
    ) -> HttpResponseBase | None:
        """The answer instead of the view, when there is one."""
        user = request.user
        if not isinstance(user, User):
            return None
        if is_over(request, at=timezone.now()):
            logout(request)
            return self._signed_out(request)
        if user.is_break_glass and request.method not in SAFE_METHODS:
            log.error("break_glass_request", user=user.pk, method=request.method, path=request.path)
        name = request.resolver_match.view_name if request.resolver_match else ""
        if name in OPEN_WITHOUT_FACTOR or not needs_second_factor(request):
            return None
        if request.path.startswith("/api/"):
            problem = problem_for_status(403, "Sign in with your second factor first.")
            return problem_response(request, problem)
        return HttpResponseRedirect(reverse("second-factor-needed"))

    def _signed_out(self, request: HttpRequest) -> HttpResponseBase:
        if request.path.startswith("/api/"):
            problem = problem_for_status(401, "The session is over. Sign in again.")
            return problem_response(request, problem)
        target = request.get_full_path() if request.method in SAFE_METHODS else "/"
        return redirect_to_login(target)
