"""Hooks sent to a served portal at a steady rate, as many senders do who do not wait in line."""

from __future__ import annotations

import contextlib
import itertools
import socket
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from django.db import connection

from tests.benchmarks.pages.serving import HOST

_SENDERS = 24  # at 50/s they are all busy only when an answer takes half a second
_PATIENCE = 30.0  # seconds for one answer


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer: its status, and how long after the moment at which the hook was due (ms)."""

    status: int
    milliseconds: float


def request_bytes(port: int, path: str, headers: Mapping[str, str], body: bytes) -> bytes:
    """A whole request, made beforehand: the load must not cost what it measures."""
    lines = [f"POST {path} HTTP/1.1", f"Host: {HOST}:{port}", "Connection: close"]
    lines += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode() + body


def send_steadily(port: int, requests: Sequence[bytes], *, a_second: float) -> list[Answer]:
    """Send each at its moment, on a connection of its own, whatever became of the earlier ones.

    Times count from the moment at which a hook was due, so a server that falls behind is not
    spared by senders that wait for it.
    """
    answers: list[Answer | None] = [None] * len(requests)
    numbers = itertools.count()
    began = time.perf_counter() + 0.2

    def work() -> None:
        while (number := next(numbers)) < len(requests):
            due = began + number / a_second
            pause = due - time.perf_counter()
            if pause > 0:
                time.sleep(pause)
            status = _send(port, requests[number])
            answers[number] = Answer(status, (time.perf_counter() - due) * 1000)

    threads = [threading.Thread(target=work) for _ in range(_SENDERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return [answer for answer in answers if answer is not None]


def _send(port: int, request: bytes) -> int:
    """The status of the answer; 0 when there was none."""
    try:
        with socket.create_connection((HOST, port), timeout=_PATIENCE) as talk:
            talk.sendall(request)
            head = b""
            while b"\r\n" not in head and (part := talk.recv(4096)):
                head += part
    except OSError:
        return 0
    return int(head[9:12]) if head.startswith(b"HTTP/1.1 ") else 0


@contextlib.contextmanager
def written_for_good() -> Iterator[None]:
    """PostgreSQL writes every commit to disk within the block, as in production; the tests' server
    does not. SQLite is set up as in production already."""
    if connection.vendor != "postgresql":
        yield
        return
    names = ("fsync", "synchronous_commit", "full_page_writes")
    with connection.cursor() as cursor:
        for name in names:
            cursor.execute(f"ALTER SYSTEM SET {name} = on")
        cursor.execute("SELECT pg_reload_conf()")
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            for name in names:
                cursor.execute(f"ALTER SYSTEM RESET {name}")
            cursor.execute("SELECT pg_reload_conf()")


def percentile(answers: Sequence[Answer], share: float) -> float:
    """Of the times, in milliseconds."""
    times = sorted(answer.milliseconds for answer in answers)
    return times[min(len(times) - 1, int(len(times) * share))]
