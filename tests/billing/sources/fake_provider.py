"""A provider on the loopback interface that answers in any provider's shape, and misbehaves.

Real HTTP over real sockets, so that the client is tested with everything it has. A `Shape` says
what a provider's answers look like; this file cuts them into pages and does the harm, by chance and
from a seed. To plug in another provider, write its shape and add a line to `providers.py`.
"""

from __future__ import annotations

import json
import random
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Protocol
from urllib.parse import parse_qsl, urlsplit

Params = list[tuple[str, str]]
DAY = timedelta(days=1)


@dataclass(frozen=True)
class Spend:
    """The truth about one cost line: exact, in whole units of the currency."""

    day: date
    project: str
    item: str
    amount: Decimal


class Shape(Protocol):
    """How a provider tells what was spent.

    Attributes:
        spent: the truth; a test changes it, as a provider restates.
        secret: what the request must carry, in which header: (name, value).
    """

    spent: list[Spend]
    secret: tuple[str, str]

    def items(self, path: str, params: Params) -> list[Any] | None:
        """The whole answer to a request, before it is cut into pages; None where there is none."""
        ...

    def envelope(self, path: str, items: list[Any], cursor: str | None) -> Any:
        """One page."""
        ...

    def cursor_parameter(self, path: str) -> str:
        """By which parameter the next page is asked for."""
        ...

    def emptied(self, items: list[Any]) -> list[Any]:
        """The same with one day or row saying that nothing was spent."""
        ...


def json_text(value: Any) -> bytes:
    """JSON with a Decimal as the number that it is, digit by digit."""
    return _text(value).encode()


def _text(value: Any) -> str:
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, Mapping):
        inside = ",".join(f"{json.dumps(key)}:{_text(each)}" for key, each in value.items())
        return f"{{{inside}}}"
    if isinstance(value, (list, tuple)):
        return f"[{','.join(map(_text, value))}]"
    return json.dumps(value)


SLOW_SECONDS = 1.5  # longer than the clients of these tests wait (`fetched.QUICK`)
# What may go wrong with an answer, and what with the order of pages.
ANSWER_FAULTS = (
    "busy_seconds", "busy_date", "busy_milliseconds", "busy_reset", "busy_silent", "error_500",
    "error_503", "html", "truncated", "slow", "duplicate_key", "torn", "not_json",
)  # fmt: skip
PAGE_FAULTS = ("lost", "repeated", "reordered", "loop", "no_cursor", "empty_day")


@dataclass
class FakeProvider:
    """Serves a shape; `chances` gives each fault its probability, by name.

    Attributes:
        page_size: items of a page.
        slow_seconds: how late a slow answer comes; longer than the client waits.
        met: the faults that were done, for tests that want to see them.
    """

    shape: Shape
    page_size: int = 3
    chances: Mapping[str, float] = field(default_factory=dict)
    chance: random.Random = field(default_factory=lambda: random.Random(1))  # noqa: S311  (faults)
    slow_seconds: float = SLOW_SECONDS
    met: list[str] = field(default_factory=list)
    requests: list[tuple[str, Params]] = field(default_factory=list)
    _orders: dict[str, list[list[Any]]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    # --- pages --------------------------------------------------------------------------------

    def answer(self, path: str, params: Params, posted: Mapping[str, Any]) -> Any | None:
        """The page that a request gets; None for an address that is not there."""
        name = self.shape.cursor_parameter(path)
        cursor = next((value for key, value in params if key == name), None)
        self.requests.append((path, params))
        if cursor is None:
            items = self.shape.items(path, params)
            if items is None:
                return None
            order = f"o{len(self._orders)}"
            self._orders[order] = self._harmed(_cut(items, self.page_size))
            place = 0
        else:
            order, _, number = cursor.partition("-")
            place = int(number)
        return self._page(path, order, place)

    def _page(self, path: str, order: str, place: int) -> Any:
        pages = self._orders[order]
        following: int | None = place + 1
        if following == len(pages):
            following = None
            if len(pages) > 1 and self._meets("loop"):
                following = 0
        cursor = None if following is None else f"{order}-{following}"
        page = self.shape.envelope(path, pages[place], cursor)
        if cursor is not None and self._meets("no_cursor"):
            page = {key: None if value == cursor else value for key, value in page.items()}
        return page

    def _harmed(self, pages: list[list[Any]]) -> list[list[Any]]:
        if len(pages) > 1 and self._meets("lost"):
            pages.pop(self.chance.randrange(len(pages)))
        if self._meets("repeated"):
            again = self.chance.randrange(len(pages))
            pages.insert(self.chance.randrange(len(pages) + 1), pages[again])
        if len(pages) > 1 and self._meets("reordered"):
            self.chance.shuffle(pages)
        if self._meets("empty_day"):
            which = self.chance.randrange(len(pages))
            pages[which] = self.shape.emptied(pages[which])
        return pages

    def _meets(self, fault: str) -> bool:
        if self.chance.random() >= self.chances.get(fault, 0):
            return False
        self.met.append(fault)
        return True

    # --- answers over HTTP --------------------------------------------------------------------

    def draw(self) -> str | None:
        """Which harm is done to the next answer as a whole."""
        with self._lock:
            return next((fault for fault in ANSWER_FAULTS if self._meets(fault)), None)

    def body(
        self, path: str, params: Params, posted: Mapping[str, Any] | None = None
    ) -> bytes | None:
        """The page as bytes."""
        with self._lock:
            page = self.answer(path, params, posted or {})
        return None if page is None else json_text(page)


def _cut(items: list[Any], size: int) -> list[list[Any]]:
    return [items[start : start + size] for start in range(0, len(items), size)] or [[]]


def busy_headers(form: str, now: datetime) -> dict[str, str]:
    """Ways in which providers ask to come back in a second or two."""
    forms = {
        "busy_seconds": {"Retry-After": "1"},
        "busy_date": {"Retry-After": format_datetime(now + timedelta(seconds=2), usegmt=True)},
        "busy_milliseconds": {"retry-after-ms": "1500"},
        "busy_reset": {
            "x-ratelimit-remaining-requests": "0",
            "x-ratelimit-reset-requests": "1s20ms",
        },
        "busy_silent": {},
    }
    return forms[form]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # else 40 ms between head and body
    provider: FakeProvider

    def do_POST(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        self._answer(json.loads(self.rfile.read(length)))

    def do_GET(self) -> None:
        self._answer({})

    def _answer(self, posted: Mapping[str, Any]) -> None:
        provider, address = self.provider, urlsplit(self.path)
        name, value = provider.shape.secret
        if self.headers.get(name) != value:
            self._say(401, b"{}")
            return
        fault = provider.draw()
        if fault is not None and fault.startswith("busy_"):
            self._say(429, b"{}", **busy_headers(fault, datetime.now(UTC)))
            return
        if fault is not None and fault.startswith("error_"):
            self._say(int(fault.removeprefix("error_")), b"oh")
            return
        body = provider.body(address.path, parse_qsl(address.query), posted)
        if body is None:
            self._say(404, b"{}")
            return
        self._harm(fault, body)

    def _harm(self, fault: str | None, body: bytes) -> None:
        if fault == "slow":
            time.sleep(self.provider.slow_seconds)
        elif fault == "html":
            body = b"<!doctype html><title>Please sign in</title>"
        elif fault == "duplicate_key":
            body = body[:-1] + b',"has_more":false}' if body.endswith(b"}") else body
        elif fault == "not_json":
            body = body[: len(body) // 2]
        if fault in ("truncated", "torn"):
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body[: len(body) // 2] if fault == "truncated" else b"")
            self.close_connection = True
            return
        self._say(200, body)

    def _say(self, status: int, body: bytes, **headers: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        with suppress(OSError):
            self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: Any) -> None:
        """A client that went away is no error here."""


@contextmanager
def served(provider: FakeProvider) -> Iterator[str]:
    """The provider at an address of this machine: `http://127.0.0.1:…`."""
    handler = type("Handler", (_Handler,), {"provider": provider})
    with _Server(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join(5)


def some_spend(chance: random.Random, first: date, days: int, *, most: int = 4) -> list[Spend]:
    """What might have been spent: some days nothing, and amounts with fractions of a cent."""
    return [
        spend
        for number in range(days)
        for spend in spend_of_day(chance, first + number * DAY, most=most)
    ]


def spend_of_day(chance: random.Random, day: date, *, most: int = 4) -> list[Spend]:
    """Lines of one day, each item once."""
    items = chance.sample(range(12), chance.randrange(most + 1))
    return [
        Spend(
            day,
            f"project-{item % 3}" if item % 4 else "",
            f"model-{item}, output",
            Decimal(chance.randrange(50_000, 90_000_000)).scaleb(-6),
        )
        for item in items
    ]


def in_process(provider: FakeProvider, prefix: str = "") -> tuple[Any, list[bytes]]:
    """An `ask` that needs no network, and the spool that it fills."""
    from portal.imports.fetching import spool_line

    spool: list[bytes] = []

    def ask(endpoint: str, path: str, params: Sequence[tuple[str, str]] = ()) -> Any:
        body = provider.body(f"{prefix}{path}", list(params))
        if body is None:
            raise AssertionError(f"{path} is not there")
        spool.append(spool_line(endpoint, body))
        return json.loads(body, parse_float=Decimal)

    return ask, spool
