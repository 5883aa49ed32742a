"""A provider on the loopback interface that misbehaves as told, over real sockets."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from ipaddress import ip_network
from typing import Any

from portal.imports.http import FetchLimits, OutboundClient
from portal.imports.outbound.addresses import OutboundPolicy

Script = Callable[[socket.socket], None]
LOOPBACK = OutboundPolicy((ip_network("127.0.0.0/8"),), allow_http=True)
PATIENT = FetchLimits(
    connect_seconds=10, idle_seconds=10, total_seconds=20, max_bytes=100_000, attempts=2
)
# Where the answer is what comes too late: a busy machine makes a good answer late as well.
QUICK = replace(PATIENT, idle_seconds=0.2, total_seconds=0.4)


@dataclass
class FaultServer:
    """Answers each request with the next script; the last one again and again.

    Attributes:
        scripts: what to do with the connection, once the request was read.
        requests: heads and bodies as they came.
        tls: speaks TLS when given.
    """

    tls: ssl.SSLContext | None = None
    scripts: list[Script] = field(default_factory=list)
    requests: list[bytes] = field(default_factory=list)
    connections: int = 0

    def __enter__(self) -> FaultServer:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._open: list[socket.socket] = []
        self._threads[0].start()
        return self

    def __exit__(self, *_: Any) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for each in self._open:
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()
        for thread in self._threads:
            thread.join(5)

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                taken, _ = self._listener.accept()
                self.connections += 1
                self._open.append(taken)
                thread = threading.Thread(target=self._serve, args=(taken,), daemon=True)
                self._threads.append(thread)
                thread.start()

    def _serve(self, taken: socket.socket) -> None:
        with contextlib.suppress(OSError), taken:
            if self.tls is not None:
                taken = self.tls.wrap_socket(taken, server_side=True)
                self._open.append(taken)
            head = b""
            while b"\r\n\r\n" not in head:
                piece = taken.recv(65536)
                if not piece:
                    return
                head += piece
            self.requests.append(head)
            script = self.scripts.pop(0) if len(self.scripts) > 1 else self.scripts[0]
            script(taken)

    def client(self, host: str = "provider.test", **changes: Any) -> OutboundClient:
        """A client that may ask this server under the name `host`, and never sleeps."""
        scheme = "http" if self.tls is None else "https"
        given: dict[str, Any] = {
            "origins": [f"{scheme}://{host}:{self.port}"],
            "policy": LOOPBACK,
            "limits": PATIENT,
            "sleep": lambda seconds: None,
            "resolver": lambda name, port: ["127.0.0.1"],
        }
        return OutboundClient(**given | changes)

    def url(self, path: str = "/v1/costs", host: str = "provider.test") -> str:
        return f"{'http' if self.tls is None else 'https'}://{host}:{self.port}{path}"


def answer(
    status: int = 200,
    body: bytes = b'{"data": []}',
    *,
    length: int | None = None,
    kind: str = "application/json",
    **headers: str,
) -> Script:
    """A whole answer; `length` lies about the body when given. The connection is closed."""
    lines = [f"HTTP/1.1 {status} Said", f"Content-Type: {kind}", "Connection: close"]
    lines.append(f"Content-Length: {len(body) if length is None else length}")
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    head = "\r\n".join(lines).encode() + b"\r\n\r\n"
    return lambda taken: taken.sendall(head + body)


def raw(content: bytes) -> Script:
    """Exactly these bytes, then the end."""
    return lambda taken: taken.sendall(content)


def dripping(content: bytes, head: bytes = b"", *, seconds: float = 0.05) -> Script:
    """`head` at once, then one byte after another for ever."""

    def drip(taken: socket.socket) -> None:
        pause = threading.Event()
        taken.sendall(head)
        while True:
            for byte in content:
                taken.sendall(bytes([byte]))
                pause.wait(seconds)

    return drip


def flooding(head: bytes, piece: bytes = b" " * 65536) -> Script:
    """`head`, then more than anybody wants."""

    def flood(taken: socket.socket) -> None:
        taken.sendall(head)
        while True:
            taken.sendall(piece)

    return flood


def reset(content: bytes) -> Script:
    """These bytes, then a connection that is torn down and not closed."""

    def tear(taken: socket.socket) -> None:
        taken.sendall(content)
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
        taken.close()

    return tear


def silent(taken: socket.socket) -> None:
    """Takes the request and says nothing."""
    taken.settimeout(10)
    taken.recv(1)
