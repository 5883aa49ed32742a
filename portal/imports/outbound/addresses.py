"""Where a fetch may go: which URLs, and which network addresses behind their names.

After ASVS 5.0, 1.3.6 and 15.3.2. A name is looked up once for each connection, every address of it
is checked, and the connection goes to a checked address: a name that answers otherwise the next
time (DNS rebinding) gains nothing.
"""

from __future__ import annotations

import re
import socket
import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)
from typing import Any
from urllib.parse import urlsplit

from portal.imports.contracts import SourceUnavailableError
from portal.imports.outbound.errors import AddressRefusedError

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network
Resolver = Callable[[str, int], Sequence[str]]  # host and port to addresses, as text

_LABEL = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)")
_PRINTABLE = re.compile(r"[!-~]+")
_DEFAULT_PORTS = {"https": 443, "http": 80}
# Machines of a cloud get their own credentials there; no setting opens these.
_METADATA = tuple(
    ip_network(text)
    for text in (
        "169.254.0.0/16",  # link-local; AWS, Azure, Google and others at .169.254
        "fe80::/10",
        "fd00:ec2::254/128",  # AWS
        "100.100.100.200/32",  # Alibaba
        "192.0.0.192/32",  # Oracle
        "168.63.129.16/32",  # Azure's host, an address of the public range
    )
)
_NAT64 = IPv6Network("64:ff9b::/96")
_COMPATIBLE = IPv6Network("::/96")


@dataclass(frozen=True, slots=True)
class OutboundPolicy:
    """What the deployment allows.

    Attributes:
        private_networks: networks that are not public and may be called all the same.
        allow_http: without TLS too; for tests.
    """

    private_networks: tuple[Network, ...] = ()
    allow_http: bool = False


@dataclass(frozen=True, slots=True)
class Target:
    """A URL that was looked at piece by piece; made by `read_url` only."""

    scheme: str
    host: str
    port: int
    path: str  # with the query

    @property
    def origin(self) -> tuple[str, str, int]:
        return self.scheme, self.host, self.port

    @property
    def place(self) -> str:
        """For messages: without the query, which may carry anything."""
        return f"{self.host}{self.path.partition('?')[0]}"

    @property
    def host_header(self) -> str:
        """As the `Host` header has it."""
        name = f"[{self.host}]" if ":" in self.host else self.host
        return name if self.port == _DEFAULT_PORTS[self.scheme] else f"{name}:{self.port}"


def read_url(url: str, policy: OutboundPolicy) -> Target:
    """Take a URL apart.

    Raises:
        AddressRefusedError: it is no plain https URL: another scheme, a user name, a host written
            in a way that programs read differently (decimal, octal, short forms), white space.
    """
    if not _PRINTABLE.fullmatch(url) or "\\" in url:
        raise AddressRefusedError("the URL has characters that a URL does not have")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise AddressRefusedError("the URL cannot be read") from None
    schemes = ("https", "http") if policy.allow_http else ("https",)
    if parts.scheme not in schemes:
        raise AddressRefusedError(
            "the portal fetches over https only", value=parts.scheme, expected="https://…"
        )
    if "@" in parts.netloc:
        raise AddressRefusedError("a URL must not carry a user name or password")
    if parts.fragment or "#" in url:
        raise AddressRefusedError("a URL to fetch has no fragment")
    host = _read_host(parts.hostname or "")
    path = parts.path or "/"
    return Target(
        parts.scheme,
        host,
        _DEFAULT_PORTS[parts.scheme] if port is None else port,
        f"{path}?{parts.query}" if parts.query else path,
    )


def _read_host(host: str) -> str:
    """A name, or an address in its one usual form."""
    try:
        return str(ip_address(host))
    except ValueError:
        pass
    labels = host.split(".")
    # What ends in a number is an address to some programs: 127.1, 0x7f.1, 017700000001.
    is_number = re.fullmatch(r"[0-9]+|0x[0-9a-f]*", labels[-1]) is not None
    if is_number or len(host) > 253 or not all(map(_LABEL.fullmatch, labels)):
        raise AddressRefusedError("the URL names no host", value=host, expected="a name such as …")
    return host


def read_origins(urls: Iterable[str], policy: OutboundPolicy) -> frozenset[tuple[str, str, int]]:
    """The origins of configured URLs; a bare host means https at its usual port.

    Raises:
        AddressRefusedError: one of them cannot be read.
    """
    return frozenset(
        read_url(url if "://" in url else f"https://{url}", policy).origin for url in urls
    )


def refuse_address(address: Address, policy: OutboundPolicy) -> str:
    """Why this address is not called; empty when it may be."""
    inner = _inside(address)
    if any(inner in network or address in network for network in _METADATA):
        return "an address of the machine's own network or a cloud's metadata service"
    if any(inner in network or address in network for network in policy.private_networks):
        return ""
    is_odd = inner.is_multicast or inner.is_unspecified or getattr(inner, "is_site_local", False)
    is_odd = is_odd or (isinstance(inner, IPv6Address) and inner in _COMPATIBLE)
    return "" if inner.is_global and not is_odd else "not a public address"


def _inside(address: Address) -> Address:
    """The IPv4 address that an IPv6 one stands for, where it stands for one."""
    if isinstance(address, IPv4Address):
        return address
    if address in _NAT64:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour or address


def checked_addresses(
    host: str, port: int, policy: OutboundPolicy, *, resolver: Resolver, seconds: float
) -> list[Address]:
    """Every address of `host`, looked up once.

    Raises:
        AddressRefusedError: one of them must not be called; then none is.
        SourceUnavailableError: the name has no address, or looking it up took too long.
    """
    texts = _in_time(lambda: resolver(host, port), seconds, f"looking up {host}")
    # An address of an interface (fe80::1%eth0) is link-local, so its zone does not matter.
    found = list(dict.fromkeys(ip_address(text.partition("%")[0]) for text in texts))
    if not found:
        raise SourceUnavailableError(f"{host} has no address")
    for address in found:
        if why := refuse_address(address, policy):
            raise AddressRefusedError(
                f"{host} leads to {address}, {why}",
                expected="a public address, or one of a network in PLUMBLINE_PRIVATE_NETWORKS",
            )
    return found


def system_resolver(host: str, port: int) -> list[str]:
    """The addresses that the operating system finds, IPv4 and IPv6."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return []
    return [str(entry[4][0]) for entry in found]


def _in_time(work: Callable[[], Any], seconds: float, what: str) -> Any:
    """`work()`, given up after `seconds`: a look-up has no timeout of its own."""
    result: list[Any] = []
    thread = threading.Thread(target=lambda: result.append(work()), daemon=True)
    thread.start()
    thread.join(seconds)
    if not result:
        raise SourceUnavailableError(f"{what} took longer than {seconds:.0f} s or failed")
    return result[0]
