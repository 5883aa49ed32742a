"""My account: roles and where they come from, sessions, password, second factor."""

from __future__ import annotations

from typing import Any

from allauth.account.internal.flows.login import record_authentication
from allauth.mfa.totp.views import ActivateTOTPView
from allauth.socialaccount.models import SocialAccount
from django.conf import settings
from django.contrib import messages
from django.contrib.auth import update_session_auth_hash
from django.contrib.auth.forms import PasswordChangeForm
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from portal.choices import SignInEventKind
from portal.models import User
from portal.policies import may_request_roles
from portal.selectors.people import (
    events_of,
    grants_of,
    has_second_factor,
    sessions_of,
)
from portal.services.people import end_session, end_sessions
from portal.services.sign_in_events import record_sign_in_event
from portal.shell.views import Crumb
from portal.signin.addresses import client_address
from portal.signin.session import needs_second_factor


def me(request: HttpRequest) -> User:
    """The signed-in person.

    Raises:
        PermissionDenied: nobody is signed in.
    """
    if not isinstance(request.user, User):
        raise PermissionDenied
    return request.user


@require_safe
def account_page(request: HttpRequest) -> HttpResponse:
    """What the portal knows about me as an account, and what I can end or change."""
    person = me(request)
    sessions = [
        {"session": each, "is_this": each.session_key == request.session.session_key}
        for each in sessions_of(person, at=timezone.now())
    ]
    context = {
        "page_title": "My account",
        "page_lead": person.username,
        "person": person,
        "grants": grants_of(person),
        "role_request_url": (
            reverse("role-ask", args=[person.pk]) if may_request_roles(person) else ""
        ),
        "sessions": sessions,
        "events": events_of(person, count=10),
        "has_second_factor": has_second_factor(person),
        "has_password": person.has_usable_password(),
        "comes_from_provider": SocialAccount.objects.filter(user=person).exists(),
        "second_factor_required": settings.SIGN_IN.second_factor,
    }
    return render(request, "portal/account/account.html", context)


@require_POST
def end_my_session(request: HttpRequest, pk: int) -> HttpResponse:
    """End one of my sessions; somebody else's is not found."""
    if not end_session(user=me(request), session_pk=pk, at=timezone.now()):
        raise Http404("no such session of yours")
    messages.success(request, "That session has ended.")
    return HttpResponseRedirect(reverse("account"))


@require_POST
def end_my_other_sessions(request: HttpRequest) -> HttpResponse:
    """Sign out everywhere but here."""
    person = me(request)
    end_sessions(user=person, at=timezone.now(), actor=person, keep=request.session.session_key)
    _keep_this_session(request, person)
    messages.success(request, "Signed out everywhere else.")
    return HttpResponseRedirect(reverse("account"))


def _keep_this_session(request: HttpRequest, person: User) -> None:
    """Put the new hash into this session, under a new key that the list of sessions knows."""
    from allauth.usersessions.models import UserSession

    old = request.session.session_key
    update_session_auth_hash(request, person)
    UserSession.objects.filter(session_key=old).update(session_key=request.session.session_key)


@require_http_methods(["GET", "HEAD", "POST"])
def change_password(request: HttpRequest) -> HttpResponse:
    """Change the password of a local account; every other session ends."""
    person = me(request)
    if not person.has_usable_password():
        raise Http404("this account has no password here")
    form = PasswordChangeForm(person, request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        form.save()
        end_sessions(user=person, at=timezone.now(), actor=person, keep=request.session.session_key)
        _keep_this_session(request, person)
        messages.success(request, "Changed. You are signed out everywhere else.")
        return HttpResponseRedirect(reverse("account"))
    context = {
        "page_title": "Change my password",
        "breadcrumbs": [Crumb("My account", reverse("account"))],
        "form": form,
        "submit_label": "Change",
        "cancel_url": reverse("account"),
    }
    return render(request, "portal/people/form_page.html", context)


@require_safe
def second_factor_needed(request: HttpRequest) -> HttpResponse:
    """Why nothing else opens, and the way on."""
    person = me(request)
    if not needs_second_factor(request):
        return HttpResponseRedirect(reverse("account"))
    context = {
        "page_title": "A second factor is needed",
        "has_second_factor": has_second_factor(person),
    }
    return render(request, "portal/signin/second_factor_needed.html", context)


class SetUpSecondFactorView(ActivateTOTPView):
    """The library's page in our look; this session then counts as opened with the new factor."""

    extra_context: dict[str, Any] = {"page_title": "Set up a second factor"}

    def form_valid(self, form: Any) -> HttpResponse:
        person, now = me(self.request), timezone.now()
        answer: HttpResponse = super().form_valid(form)
        record_authentication(self.request, person, "mfa", type="totp")
        record_sign_in_event(
            kind=SignInEventKind.FACTOR_ENROLLED,
            user=person,
            at=now,
            address=client_address(self.request),
        )
        end_sessions(user=person, at=now, actor=person, keep=self.request.session.session_key)
        _keep_this_session(self.request, person)
        return answer
