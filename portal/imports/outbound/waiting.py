"""How long to wait before asking again."""

from __future__ import annotations

import random
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

_LONGEST_SAID = 24 * 60 * 60.0


def asked_wait(headers: Mapping[str, str], now: datetime) -> float | None:
    """Seconds that the answer asks to wait, at most a day; None when it says nothing usable.

    `Retry-After` as seconds or as a date (RFC 9110, 10.2.3), else GitHub's `X-RateLimit-Reset`
    (seconds since 1970) when nothing remains. What is negative, past or no number says nothing.

    Args:
        headers: by lower-case name.
        now: aware.
    """
    said = headers.get("retry-after", "").strip()
    seconds: float | None = None
    if said.isascii() and said.isdigit():
        seconds = float(said[:12])
    elif said:
        seconds = _until(said, now)
    elif headers.get("x-ratelimit-remaining") == "0":
        reset = headers.get("x-ratelimit-reset", "")
        if reset.isascii() and reset.isdigit():
            seconds = float(reset[:12]) - now.timestamp()
    if seconds is None or seconds <= 0:
        return None
    return min(seconds, _LONGEST_SAID)


def _until(date: str, now: datetime) -> float | None:
    try:
        moment = parsedate_to_datetime(date)
    except (ValueError, OverflowError):
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return (moment - now).total_seconds()


def next_wait(turn: int, asked: float | None, longest: float, chance: random.Random) -> float:
    """Seconds to wait before turn `turn` (from 1): what was asked, else 1, 2, 4 …, capped.

    Never less than asked, unless that is more than `longest`. Chance adds up to a tenth, so that
    many who were sent away together do not come back together.
    """
    wait = min(asked if asked is not None else 2.0 ** min(turn - 1, 16), longest)
    return wait * (1 + chance.random() / 10)
