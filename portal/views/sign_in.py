"""Sign-in with a local account, sign-out, and the choice of light or dark."""

from __future__ import annotations

from typing import Any

from allauth.account.internal.flows.login import perform_password_login
from allauth.account.models import Login
from allauth.core import ratelimit
from allauth.socialaccount.adapter import get_adapter
from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.forms import AuthenticationForm
from django.contrib.auth.views import LoginView, LogoutView
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.views.decorators.http import require_POST

from portal.shell.theme import COOKIE_NAME, COOKIE_SECONDS, Theme
from portal.signin.addresses import is_own_path, own_path_or
from portal.signin.lockout import lockout_page


class SignInForm(AuthenticationForm):
    """User name and password; one message for every way in which they can be wrong."""

    error_messages = {
        "invalid_login": "This user name and password do not match an active account.",
        "inactive": "This user name and password do not match an active account.",
    }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["username"].label = "User name"

    def confirm_login_allowed(self, user: Any) -> None:
        """Refuses local accounts where they are switched off, in the same words as a mistake."""
        super().confirm_login_allowed(user)
        if not settings.SIGN_IN.local_accounts and not user.is_break_glass:
            raise ValidationError(self.error_messages["invalid_login"], code="invalid_login")


class SignInView(LoginView):
    """The sign-in page; who is signed in already goes on to where they were heading."""

    template_name = "portal/sign_in.html"
    authentication_form = SignInForm
    redirect_authenticated_user = True
    extra_context = {"page_title": "Sign in"}

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        # Hashing is costly on purpose, so that even a flood of right passwords has a limit.
        if not ratelimit.consume(request, action="login"):
            return lockout_page(request)
        return super().post(request, *args, **kwargs)

    def form_valid(self, form: AuthenticationForm) -> HttpResponse:
        """Hand over to the library, which asks for the second factor where there is one."""
        user = form.get_user()
        answer: HttpResponse = perform_password_login(
            self.request,
            {"username": user.get_username()},
            Login(user=user, redirect_url=self.get_success_url(), email_verification="none"),
        )
        return answer

    def get_redirect_url(self, request: HttpRequest | None = None) -> str:
        target = self.request.POST.get("next", self.request.GET.get("next", ""))
        return target if is_own_path(target) else ""

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        providers = get_adapter().shown_providers(self.request)
        return super().get_context_data(
            providers=providers, local_accounts=settings.SIGN_IN.local_accounts, **kwargs
        )


class SignOutView(LogoutView):
    """Sign out by POST only, so that no link or image can do it."""


@login_not_required
@require_POST
def choose_theme(request: HttpRequest) -> HttpResponseBase:
    """Remember the chosen theme in a cookie and go back to the page."""
    chosen = request.POST.get("theme", "")
    response = HttpResponseRedirect(own_path_or(request.POST.get("next", "/"), "/"))
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
