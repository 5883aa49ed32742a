"""What a token may be allowed to do: a noun and `read` or `write`, registered by the rooms."""

from __future__ import annotations

import re
from dataclasses import dataclass

from django.core.checks import CheckMessage, Error

from portal.registry import Registry

_KEY = re.compile(r"[a-z][a-z-]*:(read|write)")


@dataclass(frozen=True, slots=True)
class Scope:
    """One permission of a token. It never adds to what the token's owner may do.

    Attributes:
        key: `noun:read` or `noun:write`; writing does not include reading.
        label: what it allows, as a person chooses it.
    """

    key: str
    label: str


def _check(scope: Scope) -> list[CheckMessage]:
    if not _KEY.fullmatch(scope.key):
        return [Error(f"scope {scope.key!r} is not noun:read or noun:write", id="portal.E110")]
    return []


api_scopes: Registry[Scope] = Registry("scope", _check)
