"""Where a request comes from, and where it may be sent on to."""

from __future__ import annotations

import unicodedata

from django.http import HttpRequest
from django.utils.http import url_has_allowed_host_and_scheme

from portal import network


def client_address(request: HttpRequest) -> str | None:
    """The network address of the caller as text; None when there is none (see `portal.network`)."""
    found = network.client_address(request)
    return None if found is None else str(found)


def is_own_path(target: str) -> bool:
    """Whether `target` is a path of this site, written in no way that a browser reads otherwise.

    Stricter than Django's check: no absolute address at all, no backslash, no control
    character, no space of any kind.
    """
    if not target.startswith("/") or target.startswith("//") or "\\" in target:
        return False
    if any(unicodedata.category(character)[0] in "CZ" for character in target):
        return False
    return url_has_allowed_host_and_scheme(target, allowed_hosts=None)


def own_path_or(target: str, otherwise: str) -> str:
    """`target` when it stays on this site."""
    return target if is_own_path(target) else otherwise
