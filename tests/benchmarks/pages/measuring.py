"""Asking over HTTP and taking the time."""

from __future__ import annotations

import http.client
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from statistics import median
from typing import Any
from urllib.parse import urljoin, urlsplit

from tests.benchmarks.pages.serving import HOST

CLIENTS = 4
_WARM_UP = 6  # both workers keep what they read once
_TIMEOUT = 60


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer, read to its end."""

    status: int
    body: bytes
    headers: Mapping[str, str]
    milliseconds: float


@dataclass(slots=True)
class Timing:
    """What asking one address gave.

    Attributes:
        alone: milliseconds of each answer to one client.
        together: milliseconds of each answer to `CLIENTS` clients at once.
        per_second: answers a second to those.
        bytes: of the body as sent (compressed where the server compresses).
    """

    alone: list[float] = field(default_factory=list)
    together: list[float] = field(default_factory=list)
    per_second: float = 0.0
    bytes: int = 0

    def summary(self) -> dict[str, Any]:
        """Percentiles and the rest, rounded."""
        return {
            "p50": round(median(self.alone), 1),
            "p95": round(percentile(self.alone, 95), 1),
            "p50_4": round(median(self.together), 1) if self.together else None,
            "p95_4": round(percentile(self.together, 95), 1) if self.together else None,
            "per_second_4": round(self.per_second, 1) if self.together else None,
            "bytes": self.bytes,
        }


def percentile(values: Sequence[float], share: int) -> float:
    """The nearest-rank percentile."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, -(-len(ordered) * share // 100) - 1)]


class Browser:
    """One client with one open connection, signed in by a session's cookie."""

    def __init__(self, port: int, session: str) -> None:
        self._connection = http.client.HTTPConnection(HOST, port, timeout=_TIMEOUT)
        self._headers = {"Cookie": f"sessionid={session}", "Accept-Encoding": "gzip"}

    def get(self, url: str, **headers: str) -> Answer:
        """Ask once. A connection that the server closed meanwhile is opened again."""
        given = {
            **self._headers,
            **{name.replace("_", "-"): text for name, text in headers.items()},
        }
        for attempt in (1, 2):
            started = time.perf_counter()
            try:
                self._connection.request("GET", url, headers=given)
                reply = self._connection.getresponse()
                body = reply.read()
            except (http.client.RemoteDisconnected, ConnectionError):
                self._connection.close()
                if attempt == 2:
                    raise
                continue
            took = (time.perf_counter() - started) * 1000
            return Answer(reply.status, body, dict(reply.headers), took)
        raise AssertionError("unreachable")

    def close(self) -> None:
        self._connection.close()


def measure(
    port: int, session: str, url: str, *, rounds: int, headers: Mapping[str, str], status: int
) -> Timing:
    """Ask `rounds` times alone, then as often by several clients at once.

    Raises:
        AssertionError: an answer has another status.
    """
    timing = Timing()

    def ask(count: int) -> list[float]:
        browser = Browser(port, session)
        taken = []
        try:
            for _ in range(count):
                answer = browser.get(url, **headers)
                assert answer.status == status, f"{url}: {answer.status} {answer.body[:300]!r}"
                timing.bytes = len(answer.body)
                taken.append(answer.milliseconds)
        finally:
            browser.close()
        return taken

    with ThreadPoolExecutor(CLIENTS) as pool:
        list(pool.map(ask, [-(-_WARM_UP // CLIENTS)] * CLIENTS))
        timing.alone = ask(rounds)
        started = time.perf_counter()
        for taken in pool.map(ask, [-(-rounds // CLIENTS)] * CLIENTS):
            timing.together += taken
        timing.per_second = len(timing.together) / (time.perf_counter() - started)
    return timing


def transferred(port: int, session: str, url: str, found: Sequence[str]) -> dict[str, int]:
    """Bytes of a page and of every file that it names in `found`, as sent, by address."""
    browser = Browser(port, session)
    sizes = {}
    try:
        for address in [url, *found]:
            path = urlsplit(urljoin(url, address))
            target = f"{path.path}?{path.query}" if path.query else path.path
            answer = browser.get(target)
            assert answer.status == 200, f"{target}: {answer.status}"
            sizes[target] = len(answer.body)
    finally:
        browser.close()
    return sizes
