"""Sign-in with a local account, sign-out, and the choice of light or dark."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.forms import AuthenticationForm
from django.contrib.auth.views import LoginView, LogoutView
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST

from portal.shell.theme import COOKIE_NAME, COOKIE_SECONDS, Theme


class SignInForm(AuthenticationForm):
    """User name and password; one message for every way in which they can be wrong."""

    error_messages = {
        "invalid_login": "This user name and password do not match an active account.",
        "inactive": "This user name and password do not match an active account.",
    }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["username"].label = "User name"


class SignInView(LoginView):
    """The sign-in page; who is signed in already goes on to where they were heading."""

    template_name = "portal/sign_in.html"
    authentication_form = SignInForm
    redirect_authenticated_user = True
    extra_context = {"page_title": "Sign in"}


class SignOutView(LogoutView):
    """Sign out by POST only, so that no link or image can do it."""


def _safe_next(request: HttpRequest) -> str:
    target = request.POST.get("next", "/")
    allowed = url_has_allowed_host_and_scheme(
        target, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    )
    return target if allowed else "/"


@login_not_required
@require_POST
def choose_theme(request: HttpRequest) -> HttpResponse:
    """Remember the chosen theme in a cookie and go back to the page."""
    chosen = request.POST.get("theme", "")
    response = HttpResponseRedirect(_safe_next(request))
    if chosen in set(Theme):
        response.set_cookie(
            COOKIE_NAME,
            chosen,
            max_age=COOKIE_SECONDS,
            samesite="Lax",
            secure=request.is_secure(),
            httponly=True,
        )
    return response
