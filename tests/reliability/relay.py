"""A network between the portal and PostgreSQL that can be cut: TCP here, the server's socket there.

A cut loses every packet without a word, as a pulled cable does, and needs no rights: the kernel is
told to drop what arrives for these sockets before TCP sees (and acknowledges) it. What the server
says waits here meanwhile.
"""

from __future__ import annotations

import contextlib
import ctypes
import select
import socket
import struct
import threading
from collections.abc import Iterator

from portal.dead_peers import OF_THE_SERVER

_ATTACH, _DETACH = 26, 27  # SO_ATTACH_FILTER, SO_DETACH_FILTER of Linux; Python names neither
_DROP = struct.pack("HBBI", 0x06, 0, 0, 0)  # one instruction of the packet filter: keep 0 bytes
_READ_AT_ONCE = 65536


class CannotCutError(Exception):
    """This kernel drops nothing for a socket."""


class Relay:
    """Listens on a port of its own and passes everything on, until it is cut."""

    def __init__(self, server: str) -> None:
        """`server` is the path of PostgreSQL's socket."""
        self._server = server
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._pairs: list[tuple[socket.socket, socket.socket]] = []
        self._joined = threading.Event()  # not cut
        self._joined.set()
        self._ends = False
        self._thread = threading.Thread(target=self._run, name="relay", daemon=True)
        self._thread.start()

    def cut(self) -> None:
        """From now on nothing arrives, on either side.

        Raises:
            CannotCutError: not on this kernel.
        """
        self._joined.clear()
        instruction = ctypes.create_string_buffer(_DROP)
        program = struct.pack("HL", 1, ctypes.addressof(instruction))
        try:
            for one in self._outer():
                one.setsockopt(socket.SOL_SOCKET, _ATTACH, program)
        except OSError as error:
            raise CannotCutError(str(error)) from None

    def heal(self) -> None:
        """Everything arrives again; what was lost stays lost."""
        for one in self._outer():
            with contextlib.suppress(OSError):  # given up meanwhile
                one.setsockopt(socket.SOL_SOCKET, _DETACH, 0)
        self._joined.set()

    def stop(self) -> None:
        self._ends = True
        self._thread.join(timeout=5)
        self._listener.close()
        for pair in list(self._pairs):
            self._close(pair)

    def _outer(self) -> list[socket.socket]:
        return [self._listener, *(outer for outer, _ in list(self._pairs))]

    def _run(self) -> None:
        while not self._ends:
            by_socket = {one: pair for pair in self._pairs for one in pair}
            # Of a cut network only the outer ends are watched: the kernel may give one up.
            watched = [
                one for one in by_socket if self._joined.is_set() or one is by_socket[one][0]
            ]
            for one in select.select([self._listener, *watched], [], [], 0.1)[0]:
                if one is self._listener:
                    self._accept()
                elif by_socket[one] in self._pairs:
                    self._pass_on(one, by_socket[one])

    def _accept(self) -> None:
        outer, _ = self._listener.accept()
        _expect_life(outer)
        inner = socket.socket(socket.AF_UNIX)
        inner.connect(self._server)
        self._pairs.append((outer, inner))

    def _pass_on(self, source: socket.socket, pair: tuple[socket.socket, socket.socket]) -> None:
        target = pair[1] if source is pair[0] else pair[0]
        try:
            data = source.recv(_READ_AT_ONCE)
            target.sendall(data)
        except OSError:
            data = b""
        if not data:
            self._close(pair)

    def _close(self, pair: tuple[socket.socket, socket.socket]) -> None:
        self._pairs.remove(pair)
        for one in pair:
            one.close()


def _expect_life(outer: socket.socket) -> None:
    """As PostgreSQL's kernel would, because the portal asks for it in each session."""
    outer.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option, name in (
        (socket.TCP_KEEPIDLE, "tcp_keepalives_idle"),
        (socket.TCP_KEEPINTVL, "tcp_keepalives_interval"),
        (socket.TCP_KEEPCNT, "tcp_keepalives_count"),
        (socket.TCP_USER_TIMEOUT, "tcp_user_timeout"),
    ):
        outer.setsockopt(socket.IPPROTO_TCP, option, OF_THE_SERVER[name])


@contextlib.contextmanager
def relay_to(server: str) -> Iterator[Relay]:
    """A relay for the length of the block."""
    relay = Relay(server)
    try:
        yield relay
    finally:
        relay.stop()
