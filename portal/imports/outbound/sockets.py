"""Connections that go to checked addresses only and end in time, whatever the other side does."""

from __future__ import annotations

import ssl
import time
from collections.abc import Iterable
from typing import Any

import httpcore2

from portal.imports.outbound.addresses import OutboundPolicy, Resolver, checked_addresses

_TRIED = 2  # addresses of a name that are tried one after the other


class Deadline:
    """The moment at which the present request must be over; one for a client, set anew by each."""

    def __init__(self) -> None:
        self._at = float("inf")

    def start(self, seconds: float) -> None:
        """Begin a request that may take so long."""
        self._at = time.monotonic() + seconds

    def at_most(self, seconds: float | None) -> float:
        """`seconds`, or what is left if that is less.

        Raises:
            httpcore2.ReadTimeout: nothing is left.
        """
        left = self._at - time.monotonic()
        if left <= 0:
            raise httpcore2.ReadTimeout("the request took too long")
        return left if seconds is None else min(left, seconds)


class _TimedStream(httpcore2.NetworkStream):
    """A stream of which every step counts against the deadline, beside its own timeout."""

    def __init__(self, inner: httpcore2.NetworkStream, deadline: Deadline) -> None:
        self._inner = inner
        self._deadline = deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._inner.read(max_bytes, self._deadline.at_most(timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._inner.write(buffer, self._deadline.at_most(timeout))

    def close(self) -> None:
        self._inner.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore2.NetworkStream:
        inner = self._inner.start_tls(ssl_context, server_hostname, self._deadline.at_most(timeout))
        return _TimedStream(inner, self._deadline)

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)


class CheckedBackend(httpcore2.NetworkBackend):
    """Opens connections to the checked addresses of a name.

    The library above still speaks to the name: `Host`, the name sent in TLS and the name that the
    certificate must have stay as they are.
    """

    def __init__(self, policy: OutboundPolicy, resolver: Resolver, deadline: Deadline) -> None:
        self._policy = policy
        self._resolver = resolver
        self._deadline = deadline
        self._system = httpcore2.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore2.NetworkStream:
        found = checked_addresses(
            host,
            port,
            self._policy,
            resolver=self._resolver,
            seconds=self._deadline.at_most(timeout),
        )[:_TRIED]
        for address in found[:-1]:
            try:
                return self._open(str(address), port, timeout)
            except httpcore2.ConnectError:
                continue  # perhaps this machine has no IPv6
        return self._open(str(found[-1]), port, timeout)

    def _open(self, address: str, port: int, timeout: float | None) -> httpcore2.NetworkStream:
        inner = self._system.connect_tcp(address, port, self._deadline.at_most(timeout))
        return _TimedStream(inner, self._deadline)
