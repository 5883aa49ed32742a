"""The object store of these tests, misbehaving by chance: listings, objects and answers.

The faults have the names of `fake_provider.py` where they are the same: there pages of an answer
are lost, repeated or reordered, here pages of a listing. What only a store can do is beside them.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler

from tests.billing.sources.fake_provider import ANSWER_FAULTS, SLOW_SECONDS, busy_headers
from tests.billing.sources.fake_s3 import FakeS3, ListedPage, etag_of

# What may go wrong with an answer as a whole: a listing has no keys that could come twice in JSON.
STORE_FAULTS = (
    *(fault for fault in ANSWER_FAULTS if fault not in ("duplicate_key", "not_json")),
    "slow_down",  # what S3 says when it is asked too often: 503, and when to come back
    "halved",  # half of the body, and a length that agrees with it
)
LISTING_FAULTS = (
    "lost", "lost_key", "miscounted", "repeated", "reordered", "loop", "no_cursor", "empty_day",
)  # fmt: skip
OBJECT_FAULTS = ("stale", "other_object", "vanished")
FAULTS = (*STORE_FAULTS, *LISTING_FAULTS, *OBJECT_FAULTS)
# What a fetch lives with: it asks again, or the order makes no difference.
SURVIVED = {
    "busy_seconds", "busy_date", "busy_milliseconds", "busy_reset", "busy_silent", "slow_down",
    "error_500", "error_503", "slow", "truncated", "torn", "reordered",
}  # fmt: skip


@dataclass
class FaultyS3(FakeS3):
    """`chances` gives each fault its probability, by name.

    Attributes:
        earlier: what objects held before they were last written.
        met: the faults that were done.
        slow_seconds: how late a slow answer comes; longer than the client waits.
    """

    chances: Mapping[str, float] = field(default_factory=dict)
    chance: random.Random = field(default_factory=lambda: random.Random(1))  # noqa: S311  (faults)
    earlier: dict[str, bytes] = field(default_factory=dict)
    met: list[str] = field(default_factory=list)
    slow_seconds: float = SLOW_SECONDS
    _lock: threading.RLock = field(default_factory=threading.RLock)
    _harm: str | None = None

    def deliver(self, objects: Mapping[str, bytes], at: datetime) -> None:
        """Write objects into the bucket."""
        with self._lock:
            self.earlier |= {key: self.objects[key] for key in objects if key in self.objects}
            self.objects |= objects
            self.modified |= dict.fromkeys(objects, at)

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        with self._lock:
            self._harm = next((each for each in STORE_FAULTS if self._meets(each)), None)
            fault = self._harm or ""
            if fault.startswith("busy_"):
                super().send(handler, 429, b"", busy_headers(fault, datetime.now(UTC)))
            elif fault == "slow_down":
                super().send(handler, 503, b"<Error><Code>SlowDown</Code></Error>", _COME_BACK)
            elif fault.startswith("error_"):
                super().send(handler, int(fault.removeprefix("error_")), b"oh")
            else:
                super().answer(handler)

    def send(
        self,
        handler: BaseHTTPRequestHandler,
        status: int,
        body: bytes,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        headers = dict(headers or {})
        if self._harm == "slow":
            time.sleep(self.slow_seconds)
        elif self._harm == "html":
            body = b"<!doctype html><title>Please sign in</title>"
        elif self._harm == "halved":
            body = body[: len(body) // 2]
        if self._harm not in ("truncated", "torn"):
            super().send(handler, status, body, headers)
            return
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name, value)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body[: len(body) // 2] if self._harm == "truncated" else b"")
        handler.close_connection = True

    # --- listings -----------------------------------------------------------------------------

    def page_of(self, keys: list[str], start: int) -> ListedPage:
        if start and self._meets("loop"):
            return replace(super().page_of(keys, start), following=0)
        if start and self._meets("repeated"):
            start -= self.page_size
        page = super().page_of(keys, start)
        if page.following is not None and self._meets("lost"):
            page = replace(page, following=page.following + self.page_size)
        if page.following is not None and self._meets("no_cursor"):
            page = replace(page, is_silent=True)
        return self._harmed(page)

    def _harmed(self, page: ListedPage) -> ListedPage:
        keys, count = list(page.keys), page.count
        if keys and self._meets("lost_key"):
            keys.pop(self.chance.randrange(len(keys)))
            count -= 1
        if keys and self._meets("miscounted"):
            keys.pop(self.chance.randrange(len(keys)))
        if len(keys) > 1 and self._meets("reordered"):
            self.chance.shuffle(keys)
        if keys and self._meets("empty_day"):
            return replace(page, keys=[], count=0, following=None)
        return replace(page, keys=keys, count=count)

    # --- objects ------------------------------------------------------------------------------

    def found(self, key: str) -> tuple[bytes, str]:
        if key in self.earlier and self._meets("stale"):
            return self.earlier[key], etag_of(self.earlier[key])
        if self._meets("other_object"):
            other = self.objects[self.chance.choice(sorted(self.objects))]
            if other != self.objects[key]:
                return other, etag_of(other)
        if self._meets("vanished"):
            return b"", etag_of(b"")
        return super().found(key)

    def _meets(self, fault: str) -> bool:
        if self.chance.random() >= self.chances.get(fault, 0):
            return False
        self.met.append(fault)
        return True


class Once(dict[str, float]):
    """Chances by which a fault is certain until it has happened."""

    def __init__(self, bucket: FaultyS3, fault: str) -> None:
        super().__init__()
        self.bucket, self.fault = bucket, fault

    def get(self, asked: str, default: float = 0) -> float:  # type: ignore[override]
        return float(asked == self.fault and not self.bucket.met)


_COME_BACK = {"Retry-After": "1", "Content-Type": "application/xml"}
