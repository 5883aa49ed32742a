"""Who calls the API: a program with a token, or the signed-in person of a session."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import structlog
from django.utils import timezone
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework import authentication
from rest_framework.request import Request

from portal.api.errors import (
    TOKEN_EXPIRED,
    TOKEN_IN_ADDRESS,
    TOKEN_NETWORK,
    TOKEN_OWNER_INACTIVE,
    TOKEN_REFUSED,
    TOKEN_REVOKED,
    Problem,
    ProblemType,
)
from portal.api.scopes import declared_scope
from portal.audit.context import Channel, current_actor, set_actor
from portal.audit.denials import note_denial
from portal.models import ApiToken, User
from portal.network import client_address
from portal.services.api_tokens import Refusal, TokenRefusedError, recognise_api_token

log = structlog.get_logger(__name__)
CHALLENGE = 'Bearer realm="plumbline"'
_LOOKS_LIKE_A_TOKEN = re.compile(r"\bplb_[0-9A-Za-z]|^bearer\s", re.IGNORECASE)
_NAMES_OF_A_TOKEN = frozenset({"access_token", "api_key", "apikey", "authorization", "token"})
_SAID: dict[Refusal, tuple[ProblemType, str]] = {
    Refusal.UNKNOWN: (
        TOKEN_REFUSED,
        "It is not a token of this portal. Check that all of it came along.",
    ),
    Refusal.EXPIRED: (
        TOKEN_EXPIRED,
        "Its time is over; make a new one on the page of your tokens.",
    ),
    Refusal.REVOKED: (TOKEN_REVOKED, "It was revoked; the page of your tokens says when and why."),
    Refusal.OWNER: (
        TOKEN_OWNER_INACTIVE,
        "A token acts as its owner, and the owner's account is deactivated.",
    ),
    Refusal.NETWORK: (TOKEN_NETWORK, "It may be used from the networks that it names only."),
}


class TokenAuthentication(authentication.BaseAuthentication):
    """`Authorization: Bearer plb_…`; `request.auth` is the token. No other place is looked at.

    Nothing asks for CSRF here: a browser never sends this header by itself.
    """

    def authenticate(self, request: Request) -> tuple[User, ApiToken] | None:
        """The owner and the token; None when the caller shows no token.

        Raises:
            Problem: 401 or 403, saying why the token is not accepted.
        """
        _refuse_token_in_address(request)
        scheme, _, text = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer":
            return None
        address = client_address(request._request)
        try:
            token = recognise_api_token(text=text.strip(), address=address, at=timezone.now())
        except TokenRefusedError as error:
            log.warning(
                "api_access_refused", why=error.why, prefix=error.prefix, address=str(address)
            )
            if error.why is not Refusal.UNKNOWN:  # that could be anybody, without end
                note_denial("api token", error.prefix, error.why)
            kind, detail = _SAID[error.why]
            raise Problem(
                kind,
                detail,
                headers={"WWW-Authenticate": f'{CHALLENGE}, error="invalid_token"'},
            ) from None
        structlog.contextvars.bind_contextvars(user_id=token.owner_id, api_access=token.prefix)
        set_actor(
            replace(
                current_actor(),
                channel=Channel.TOKEN,
                user_id=token.owner_id,
                name=token.owner.get_full_name(),
                token_id=token.pk,
            )
        )
        return token.owner, token

    def authenticate_header(self, request: Request) -> str:
        return CHALLENGE


def _refuse_token_in_address(request: Request) -> None:
    """An address ends up in logs, histories and referrers: a token in it counts as leaked."""
    for name, found in request.query_params.lists():
        if name.lower() in _NAMES_OF_A_TOKEN or any(map(_LOOKS_LIKE_A_TOKEN.search, found)):
            log.warning("api_access_in_address", parameter=name[:40], path=request.path)
            raise Problem(
                TOKEN_IN_ADDRESS,
                "A token in an address is written to logs on its way. Revoke that token, make a "
                "new one, and send it as `Authorization: Bearer …`.",
                headers={"WWW-Authenticate": f'{CHALLENGE}, error="invalid_request"'},
            )


class SessionAuthentication(authentication.SessionAuthentication):
    """As DRF's, but what is missing is said with 401 (DRF answers 403 without a challenge)."""

    def authenticate_header(self, request: Request) -> str:
        return 'Session realm="plumbline"'


class TokenScheme(OpenApiAuthenticationExtension):
    """How the schema describes a token."""

    target_class = TokenAuthentication
    name = "token"

    def get_security_definition(self, auto_schema: object) -> dict[str, str]:
        return {
            "type": "http",
            "scheme": "bearer",
            "bearerFormat": "plb_…",
            "description": "A token that you made on the page *API tokens*. It acts as you, "
            "within its scopes, until it expires.",
        }

    def get_security_requirement(self, auto_schema: Any) -> list[dict[str, list[str]]]:
        scope = declared_scope(auto_schema.view, auto_schema.method)
        if scope is None:
            return []  # for people only
        return [{self.name: [scope] if scope else []}]


class SessionScheme(OpenApiAuthenticationExtension):
    """How the schema describes a session."""

    target_class = SessionAuthentication
    name = "session"

    def get_security_definition(self, auto_schema: object) -> dict[str, str]:
        return {
            "type": "apiKey",
            "in": "cookie",
            "name": "sessionid",
            "description": "The session of a signed-in person. Writes also need the header "
            "`X-CSRFToken`.",
        }
