"""Where allauth asks what this portal wants: nobody signs up, nobody connects, nobody is mailed."""

from __future__ import annotations

import base64
import hashlib
from typing import Any, NoReturn

import structlog
from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.internal.flows.login import get_authentication_records
from allauth.core import context
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.models import Authenticator
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from allauth.socialaccount.models import SocialApp, SocialLogin
from cryptography.fernet import Fernet, MultiFernet
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from portal.audit.context import Channel, set_actor
from portal.audit.middleware import actor_of
from portal.choices import Role, SignInEventKind
from portal.models import User
from portal.services.sign_in import SignInRefusedError, admit_person
from portal.services.sign_in_events import record_sign_in_event
from portal.signin import oidc, saml
from portal.signin.addresses import client_address, is_own_path
from portal.signin.follow_ups import follow_sign_in

log = structlog.get_logger(__name__)
RECENT_SECONDS = 300
SIGNED_IN_AT = "signed_in_at"
NO_ADDRESS = "0.0.0.0"  # noqa: S104  # a row of allauth needs an address; nothing listens on it


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]
    """Local accounts, and what happens whenever anybody is let in."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False

    def add_message(self, *args: Any, **kwargs: Any) -> None:
        """Our pages speak for themselves."""

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        """The portal sends no mail."""

    def is_safe_url(self, url: str | None) -> bool:
        return bool(url) and is_own_path(str(url))

    def get_client_ip(self, request: HttpRequest) -> str:
        return client_address(request) or NO_ADDRESS

    def is_reauthentication_required(self, *, app: str, **kwargs: Any) -> bool:
        """Who signed in within the last minutes is not asked for the password again."""
        request = context.request
        records = get_authentication_records(request, request.user)
        now = timezone.now().timestamp()
        return not any(now - record["at"] < RECENT_SECONDS for record in records)

    def login(self, request: HttpRequest, user: User) -> None:
        """The one place where a session becomes somebody's: new key, moment, event."""
        super().login(request, user)
        now = timezone.now()
        request.session[SIGNED_IN_AT] = now.timestamp()
        set_actor(actor_of(request, Channel.PAGE))
        record_sign_in_event(
            kind=(
                SignInEventKind.BREAK_GLASS_USED
                if user.is_break_glass
                else SignInEventKind.SIGNED_IN
            ),
            user=user,
            at=now,
            address=client_address(request),
            detail=", ".join(r["method"] for r in get_authentication_records(request, user)),
        )

    def respond_user_inactive(self, request: HttpRequest, user: User) -> HttpResponse:
        return refusal_page(request, "This account is deactivated. Ask an administrator.")


class ProviderAdapter(DefaultSocialAccountAdapter):  # type: ignore[misc]
    """Identity providers: one of each kind at most, from the environment."""

    def list_apps(
        self, request: HttpRequest, provider: str | None = None, client_id: str | None = None
    ) -> list[SocialApp]:
        """The configured providers. A row of allauth's own table opens no door."""
        found = []
        for key, make in ((oidc.PROVIDER_ID, oidc.oidc_app), (saml.PROVIDER_ID, saml.saml_app)):
            try:
                app = make()
            except SocialApp.DoesNotExist:
                continue
            if provider in (None, key) and client_id in (None, app.client_id):
                found.append(app)
        return found

    def shown_providers(self, request: HttpRequest) -> list[tuple[str, str]]:
        """Name and address of each configured provider, for the sign-in page."""
        return [
            (app.name, self.get_provider(request, app.provider_id).get_login_url(request))
            for app in self.list_apps(request)
        ]

    def get_provider(
        self, request: HttpRequest, provider: str, client_id: str | None = None
    ) -> Any:
        kinds = {"openid_connect": oidc.StrictOidcProvider, "saml": saml.StrictSamlProvider}
        app = self.get_app(request, provider=provider, client_id=client_id)
        return kinds[app.provider](request, app=app)

    def pre_social_login(self, request: HttpRequest, sociallogin: SocialLogin) -> None:
        """Find or create the account before allauth looks for one of its own."""
        if sociallogin.state.get("process") != "login":
            _refuse(request, "A sign-in elsewhere is never added to an existing account.")
        identity, now = sociallogin.identity, timezone.now()
        try:
            account = admit_person(
                identity=identity,
                roles=settings.SIGN_IN.roles_of(identity.groups),
                at=now,
                address=client_address(request),
            )
        except SignInRefusedError as error:
            _refuse(request, str(error))
        follow_sign_in(account.user, identity.groups, now)
        sociallogin.account = account
        sociallogin.user = account.user

    def on_authentication_error(
        self,
        request: HttpRequest,
        provider: Any,
        error: str | None = None,
        exception: Exception | None = None,
        extra_context: dict[str, Any] | None = None,
    ) -> None:
        log.warning(
            "provider_sign_in_failed",
            provider=str(provider),
            error=str(error),
            why=str(exception or (extra_context or {}).get("saml_last_error_reason", "")),
            address=client_address(request),
        )
        _refuse(
            request,
            "The sign-in was not completed. Begin again; if it goes on, tell an administrator the "
            "time, and the log says why.",
            status=401,
        )


class SecondFactorAdapter(DefaultMFAAdapter):  # type: ignore[misc]
    """Secrets of the second factor are stored encrypted."""

    def can_delete_authenticator(self, authenticator: Authenticator) -> bool:
        """Who needs a second factor has it reset by somebody else, never removed by themself."""
        user = authenticator.user
        if user.is_break_glass:
            return False
        return not (settings.SIGN_IN.second_factor and user.has_role(Role.ADMINISTRATOR))

    def encrypt(self, text: str) -> str:
        return _box().encrypt(text.encode()).decode("ascii")

    def decrypt(self, encrypted_text: str) -> str:
        return _box().decrypt(encrypted_text.encode("ascii")).decode()


def _box() -> MultiFernet:
    """The keys of stored credentials, newest first, and one derived from the secret key."""
    numbered = sorted(settings.CREDENTIAL_KEYS.by_number.items(), reverse=True)
    keys = [key.encode("ascii") for _, key in numbered]
    derived = hashlib.sha256(f"second factor|{settings.SECRET_KEY}".encode()).digest()
    return MultiFernet([Fernet(key) for key in (*keys, base64.urlsafe_b64encode(derived))])


def refusal_page(request: HttpRequest, text: str, status: int = 403) -> HttpResponse:
    """Why somebody is not let in."""
    return render(
        request,
        "portal/signin/refused.html",
        {"page_title": "Not signed in", "text": text},
        status=status,
    )


def _refuse(request: HttpRequest, text: str, status: int = 403) -> NoReturn:
    raise ImmediateHttpResponse(refusal_page(request, text, status))
