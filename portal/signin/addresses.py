"""Where a request comes from, and where it may be sent on to."""

from __future__ import annotations

import unicodedata
from ipaddress import ip_address

from django.conf import settings
from django.http import HttpRequest
from django.utils.http import url_has_allowed_host_and_scheme


def client_address(request: HttpRequest) -> str | None:
    """The network address of the caller; None when there is none (a test, a Unix socket).

    `X-Forwarded-For` is written by whoever sends the request. Only its last entry is believed, and
    only with PLUMBLINE_TRUSTED_PROXY: that one was appended by our own proxy.
    """
    said = request.META.get("REMOTE_ADDR", "")
    if settings.TRUSTED_PROXY:
        forwarded = request.META.get("HTTP_X_FORWARDED_FOR", "")
        said = forwarded.rpartition(",")[2].strip() or said
    try:
        return str(ip_address(said))
    except ValueError:
        return None


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
