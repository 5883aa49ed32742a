"""From where a request comes."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from django.conf import settings
from django.http import HttpRequest

Address = IPv4Address | IPv6Address


def plain(address: Address) -> Address:
    """An IPv4 address that is written as an IPv6 one becomes what it is."""
    return getattr(address, "ipv4_mapped", None) or address


def client_address(request: HttpRequest) -> Address | None:
    """The address of the caller; None where there is none (a Unix socket without a proxy).

    `X-Forwarded-For` is believed only behind a proxy of ours, and only its last entry: everything
    before it was sent by the caller.
    """
    text = request.META.get("REMOTE_ADDR", "")
    if settings.TRUSTED_PROXY:
        text = request.META.get("HTTP_X_FORWARDED_FOR", "").rpartition(",")[2].strip() or text
    try:
        return plain(ip_address(text.strip()))
    except ValueError:
        return None


def network_of(address: Address | None) -> str:
    """The network that an address lies in, /24 or /64: enough to notice a stranger."""
    if address is None:
        return ""
    length = 64 if isinstance(address, IPv6Address) else 24
    return str(ip_network(f"{address}/{length}", strict=False))
