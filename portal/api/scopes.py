"""Which scope a token needs for which method: declared on each view, denied when it is not."""

from __future__ import annotations

from typing import Any

import structlog
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from portal.api.errors import INSUFFICIENT_SCOPE, Problem
from portal.audit.denials import note_denial
from portal.models import ApiToken
from portal.scopes import Scope, api_scopes

__all__ = ["ANY_TOKEN", "Scope", "WithinScopes", "api_scopes", "declared_scope"]

log = structlog.get_logger(__name__)
# For what says nothing about anybody: the description of the API itself.
ANY_TOKEN = ""


def declared_scope(view: Any, method: str) -> str | None:
    """The scope that `view` declares for `method`; None when it declares none."""
    scopes: dict[str, str] = getattr(view, "scopes", {})
    return scopes.get("GET" if method == "HEAD" else method)


class WithinScopes(BasePermission):
    """A token stays within its scopes; a session has none and passes.

    The scope only narrows: what the owner may not do is refused by the policies as for the owner.
    """

    def has_permission(self, request: Request, view: Any) -> bool:
        """Whether the token may do this.

        Raises:
            Problem: 403, naming the scope that is missing.
        """
        token = request.auth
        if not isinstance(token, ApiToken):
            return True
        scope = declared_scope(view, request.method or "")
        if scope is None:
            return not _is_answered(view, request.method or "")  # 405 comes after this
        if scope == ANY_TOKEN or scope in token.scopes:
            return True
        log.warning("api_access_refused", why="scope", prefix=token.prefix, scope=scope)
        note_denial("api token", token.prefix, f"needs the scope {scope}")
        raise Problem(
            INSUFFICIENT_SCOPE,
            f"It needs the scope {scope}; this token has {', '.join(token.scopes)}.",
            headers={
                "WWW-Authenticate": 'Bearer realm="plumbline", error="insufficient_scope", '
                f'scope="{scope}"'
            },
        )


def _is_answered(view: Any, method: str) -> bool:
    name = method.lower()
    return name in view.http_method_names and hasattr(view, name)
