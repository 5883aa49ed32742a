"""OpenID Connect, as strict as the specification allows.

allauth does the flow: discovery, state, PKCE, the exchange of the code. Three things are added.
It believes an id_token without checking its signature when it fetched the token itself, it sends
no nonce, and it lets the address bar choose scopes and parameters. Here the signature is always
checked, with algorithms that are fixed and asymmetric; the nonce is bound to the state; and what
is sent to the provider comes from the settings alone.
"""

from __future__ import annotations

import hmac
import secrets
from typing import Any

import jwt
import requests
from allauth.socialaccount.adapter import get_adapter
from allauth.socialaccount.internal import jwtkit
from allauth.socialaccount.models import SocialAccount, SocialApp, SocialLogin, SocialToken
from allauth.socialaccount.providers.base import ProviderException
from allauth.socialaccount.providers.oauth2.client import OAuth2Error
from allauth.socialaccount.providers.openid_connect.provider import OpenIDConnectProvider
from allauth.socialaccount.providers.openid_connect.views import OpenIDConnectOAuth2Adapter
from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse

from portal.models import User
from portal.services.sign_in import ProviderIdentity
from portal.signin.addresses import own_path_or
from portal.signin.variables import OidcSettings

PROVIDER_ID = "oidc"
ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512"]
CLOCK_SKEW_SECONDS = 60
_OVERAGE = "_claim_names"


def oidc_app() -> SocialApp:
    """The configured provider, as allauth wants it: never a row of the database.

    Raises:
        SocialApp.DoesNotExist: no provider is configured.
    """
    found = settings.SIGN_IN.oidc
    if found is None:
        raise SocialApp.DoesNotExist
    return SocialApp(
        provider="openid_connect",
        provider_id=PROVIDER_ID,
        name=found.name,
        client_id=found.client_id,
        secret=found.client_secret,
        settings={
            "server_url": found.issuer,
            "oauth_pkce_enabled": True,
            "scope": list(found.scopes),
        },
    )


class StrictOidcAdapter(OpenIDConnectOAuth2Adapter):  # type: ignore[misc]
    """One exchange with the provider."""

    def __init__(self, request: HttpRequest, provider_id: str = PROVIDER_ID) -> None:
        super().__init__(request, provider_id)
        self.nonce = ""

    @property
    def openid_config(self) -> dict[str, Any]:
        """The discovery document, believed only when it is the configured issuer's own.

        Raises:
            OAuth2Error: the document names another issuer or cannot be read.
        """
        try:
            found: dict[str, Any] = super().openid_config
        except (requests.RequestException, ValueError) as error:
            raise OAuth2Error(f"discovery failed: {error}") from error
        if str(found.get("issuer", "")).rstrip("/") != _settings().issuer:
            raise OAuth2Error("the discovery document names another issuer")
        return found

    def get_callback_url(self, request: HttpRequest, app: SocialApp) -> str:
        return str(request.build_absolute_uri(reverse("sign-in-oidc-callback")))

    def complete_login(
        self, request: HttpRequest, app: SocialApp, token: SocialToken, **kwargs: Any
    ) -> SocialLogin:
        """Who signed in, once everything is checked.

        Raises:
            ProviderException: the answer does not hold.
            OAuth2Error: a token does not hold.
        """
        raw = kwargs["response"].get("id_token")
        if not isinstance(raw, str):
            raise ProviderException("the provider sent no id_token")
        claims = self._checked_claims(raw)
        extra = self._userinfo(token.token, claims)
        identity = identity_of(claims, extra, _settings())
        user = User(username=identity.username)
        account = SocialAccount(provider=PROVIDER_ID, uid=identity.key)
        login = SocialLogin(user=user, account=account, provider=self.get_provider())
        login.identity = identity
        return login

    def _checked_claims(self, raw: str) -> dict[str, Any]:
        config, app = self.openid_config, _settings()
        try:
            header = jwt.get_unverified_header(raw)
            if header.get("alg") not in ALGORITHMS:
                raise OAuth2Error(f"the id_token is signed with {header.get('alg')!r}")
            claims: dict[str, Any] = jwt.decode(
                raw,
                key=self._key(str(header.get("kid", "")), config["jwks_uri"]),
                algorithms=ALGORITHMS,
                issuer=config["issuer"],
                audience=app.client_id,
                leeway=CLOCK_SKEW_SECONDS,
                options={"require": ["iss", "aud", "exp", "iat", "sub"]},
            )
        except (jwt.PyJWTError, KeyError, ValueError) as error:
            raise OAuth2Error(f"the id_token does not hold: {error}") from error
        if claims.get("azp", app.client_id) != app.client_id:
            raise OAuth2Error("the id_token was made for another client")
        if not self.nonce or not hmac.compare_digest(str(claims.get("nonce", "")), self.nonce):
            raise OAuth2Error("the id_token answers another sign-in")
        return claims

    def _key(self, kid: str, address: str) -> Any:
        with get_adapter().get_requests_session() as session:
            answer = session.get(address)
            answer.raise_for_status()
        key = jwtkit.lookup_kid_jwk(answer.json(), kid)
        if key is None:
            raise OAuth2Error(f"the provider has no key {kid!r}")
        return key

    def _userinfo(self, access_token: str, claims: dict[str, Any]) -> dict[str, Any]:
        """More claims, of the same subject; empty where the provider has no such address.

        Raises:
            OAuth2Error: the answer is about somebody else.
        """
        if "userinfo_endpoint" not in self.openid_config:
            return {}
        extra: dict[str, Any] = self._fetch_user_info(access_token)
        if extra.get("sub") != claims["sub"]:
            raise OAuth2Error("userinfo is about another subject than the id_token")
        return extra


class StrictOidcProvider(OpenIDConnectProvider):  # type: ignore[misc]
    """Sends people to the provider with PKCE, state and nonce, and with nothing of the caller's."""

    oauth2_adapter_class = StrictOidcAdapter

    def get_login_url(self, request: HttpRequest, **kwargs: Any) -> str:
        return reverse("sign-in-oidc")

    def get_redirect_from_request_kwargs(self, request: HttpRequest) -> dict[str, Any]:
        """Only `next` is taken from the request, and only when it is a path of ours."""
        return {
            "process": "login",
            "next_url": own_path_or(request.GET.get("next", ""), ""),
            "nonce": secrets.token_urlsafe(24),
        }

    def redirect(
        self,
        request: HttpRequest,
        process: str,
        next_url: str | None = None,
        data: Any = None,
        **kwargs: Any,
    ) -> Any:
        kwargs["auth_params"] = {**self.get_auth_params(), "nonce": kwargs["nonce"]}
        return super().redirect(request, process, next_url, data, **kwargs)


def identity_of(
    claims: dict[str, Any], extra: dict[str, Any], app: OidcSettings
) -> ProviderIdentity:
    """What the claims say. The id_token wins over userinfo, which only adds.

    Raises:
        ProviderException: there is no subject, or the provider has more groups than it sends.
    """
    if app.group_claim in claims.get(_OVERAGE, {}):
        raise ProviderException(
            "the provider sends no groups, because there are too many of them; limit the claim to "
            "groups that are assigned to this application"
        )
    if not claims["sub"] or not isinstance(claims["sub"], str):
        raise ProviderException("the id_token names no subject")
    both = {**extra, **claims}
    groups = both.get(app.group_claim)
    groups = [groups] if isinstance(groups, str) else groups
    email = str(both.get("email") or "")
    return ProviderIdentity(
        provider=PROVIDER_ID,
        issuer=app.issuer,
        subject=str(claims["sub"]),
        username=str(both.get("preferred_username") or email),
        full_name=str(both.get("name") or ""),
        email="" if both.get("email_verified") is False else email,
        groups=frozenset(each for each in groups if isinstance(each, str))
        if isinstance(groups, list)
        else frozenset(),
    )


def _settings() -> OidcSettings:
    found = settings.SIGN_IN.oidc
    if found is None:
        raise SocialApp.DoesNotExist
    return found
