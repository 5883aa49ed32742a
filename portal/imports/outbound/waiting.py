"""How long to wait before asking again."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

_LONGEST_SAID = 24 * 60 * 60.0
_SECONDS = re.compile(r"(\d+)(\.\d+)?", re.ASCII)
_LENGTH = re.compile(
    r"(?:(\d{1,6})h)?(?:(\d{1,6})m(?!s))?(?:(\d{1,9}(?:\.\d+)?)s)?(?:(\d{1,9}(?:\.\d+)?)ms)?",
    re.ASCII,
)
# Where what is left of an allowance stands, and where its renewal.
_ALLOWANCE = re.compile(r"((?:[a-z]+-)?ratelimit-)(?:remaining((?:-[a-z-]+)?)|([a-z-]+-)remaining)")
_EPOCH_SECONDS, _EPOCH_MILLISECONDS = 10**8, 10**11  # smaller is a length, not a moment


def asked_wait(headers: Mapping[str, str], now: datetime) -> float | None:
    """Seconds that the answer asks to wait, at most a day; None when it says nothing usable.

    `Retry-After-Ms` (OpenAI), else `Retry-After` as seconds or as a date (RFC 9110, 10.2.3), else
    when the allowances of which nothing remains are renewed: `X-RateLimit-Reset` (GitHub: seconds
    since 1970, OpenRouter: milliseconds), `RateLimit-Reset` (seconds from now),
    `X-RateLimit-Reset-Requests` (OpenAI: `6m0s`, `20ms`), `Anthropic-RateLimit-…-Reset`
    (RFC 3339). What is negative, past or none of these says nothing.

    Args:
        headers: by lower-case name.
        now: aware.
    """
    seconds = _said_outright(headers, now)
    if seconds is None:
        seconds = max(_renewals(headers, now), default=None)
    if seconds is None or seconds <= 0:
        return None
    return min(seconds, _LONGEST_SAID)


def _said_outright(headers: Mapping[str, str], now: datetime) -> float | None:
    milliseconds = _number(headers.get("retry-after-ms", ""))
    if milliseconds is not None:
        return milliseconds / 1000
    said = headers.get("retry-after", "").strip()
    seconds = _number(said)
    return _until(said, now) if seconds is None and said else seconds


def _number(text: str) -> float | None:
    found = _SECONDS.fullmatch(text.strip())
    return float(found[1][:15] + (found[2] or "")[:9]) if found else None


def _renewals(headers: Mapping[str, str], now: datetime) -> Iterator[float]:
    for name, left in headers.items():
        found = _ALLOWANCE.fullmatch(name)
        if found is None or left.strip() != "0":
            continue
        start, after, before = found.groups()
        reset = f"{start}{before}reset" if before else f"{start}reset{after or ''}"
        seconds = _until_reset(headers.get(reset, "").strip(), now)
        if seconds is not None:
            yield seconds


def _until_reset(text: str, now: datetime) -> float | None:
    number = _number(text)
    if number is not None:
        if number >= _EPOCH_MILLISECONDS:
            return number / 1000 - now.timestamp()
        return number - now.timestamp() if number >= _EPOCH_SECONDS else number
    length = _LENGTH.fullmatch(text)
    if text and length is not None:
        hours, minutes, seconds, milliseconds = (float(part or 0) for part in length.groups())
        return hours * 3600 + minutes * 60 + seconds + milliseconds / 1000
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return (moment - now).total_seconds() if moment.tzinfo is not None else None


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
