"""How often: counters of requests that all web processes share.

Counted in the broker, which every process reaches; while it is away each process counts for itself,
so a limit is then looser and never gone. A window is fixed: `60/minute` is sixty from one full
minute to the next.
"""

from __future__ import annotations

import hashlib
import math
import time
from dataclasses import dataclass
from functools import cache
from urllib.parse import parse_qs, unquote, urlsplit

import redis
import structlog
from django.conf import settings
from django.core import cache as django_cache

log = structlog.get_logger(__name__)
PREFIX = "plumbline:limit:"
_SECONDS = {"second": 1, "minute": 60, "hour": 3600, "day": 86_400}
# A page must not wait for a counter; after a failure the broker is left alone for a while.
_PATIENCE, _PAUSE = 0.25, 10.0


class TooManyRequestsError(Exception):
    """Somebody does something more often than the portal allows.

    Attributes:
        wait: whole seconds until it is possible again, at least 1.
        rate: the limit in words.
    """

    def __init__(self, *, wait: int, rate: str) -> None:
        super().__init__(f"the limit is {rate}")
        self.wait = wait
        self.rate = rate


@dataclass(frozen=True, slots=True)
class Rate:
    """So many in so many seconds."""

    most: int
    seconds: int
    text: str

    @classmethod
    def parse(cls, text: str) -> Rate:
        """A rate such as `600/minute`, checked before by `portal/env.py`."""
        most, _, unit = text.partition("/")
        return cls(
            int(most), _SECONDS[unit], f"{int(most):,} {'an' if unit == 'hour' else 'a'} {unit}"
        )


def take_turn(kind: str, who: str, *, now: float | None = None) -> None:
    """Count one request of `who`.

    Args:
        kind: a key of `settings.RATES`.
        who: whatever tells callers apart; only its digest is kept.
        now: seconds since 1970; the clock by default.

    Raises:
        TooManyRequestsError: it is one too many.
    """
    rate = Rate.parse(settings.RATES[kind])
    moment = time.time() if now is None else now
    window = int(moment // rate.seconds)
    digest = hashlib.sha256(who.encode()).hexdigest()[:32]
    if _count(f"{PREFIX}{kind}:{digest}:{window}", rate.seconds) > rate.most:
        wait = max(1, math.ceil((window + 1) * rate.seconds - moment))
        raise TooManyRequestsError(wait=wait, rate=rate.text)


class _Away:
    """Until when the broker is left alone, by the monotonic clock."""

    until = 0.0


def _count(key: str, seconds: int) -> int:
    """Add one; how many there are now."""
    client = shared_counters()
    if client is not None and time.monotonic() >= _Away.until:
        try:
            with client.pipeline(transaction=False) as pipe:
                pipe.incr(key)
                pipe.expire(key, seconds + 1)
                return int(pipe.execute()[0])
        except redis.RedisError as error:
            _Away.until = time.monotonic() + _PAUSE
            log.warning("limits_counted_locally", detail=str(error))
    counters = django_cache.cache
    counters.add(key, 0, timeout=seconds + 1)
    return int(counters.incr(key))


@cache
def shared_counters() -> redis.Redis | None:
    """A client of the broker; None for a broker that is no plain Redis (Sentinel, AMQP)."""
    url = str(settings.CELERY_BROKER_URL)
    parts = urlsplit(url)
    if parts.scheme == "redis+socket":
        number = int(parse_qs(parts.query).get("virtual_host", ["0"])[0])
        return redis.Redis(
            unix_socket_path=unquote(parts.path),
            db=number,
            socket_timeout=_PATIENCE,
            socket_connect_timeout=_PATIENCE,
        )
    if parts.scheme in {"redis", "rediss"}:
        return redis.Redis.from_url(url, socket_timeout=_PATIENCE, socket_connect_timeout=_PATIENCE)
    return None
