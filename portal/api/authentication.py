"""Who calls the API: for now the signed-in person of the session, with CSRF checked on writes."""

from __future__ import annotations

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework import authentication
from rest_framework.request import Request


class SessionAuthentication(authentication.SessionAuthentication):
    """As DRF's, but what is missing is said with 401 (DRF answers 403 without a challenge)."""

    def authenticate_header(self, request: Request) -> str:
        return 'Session realm="plumbline"'


class SessionScheme(OpenApiAuthenticationExtension):
    """How the schema describes it."""

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
