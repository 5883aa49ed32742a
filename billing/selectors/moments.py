"""Moments as people type them for `as_of`."""

from __future__ import annotations

import datetime as dt


class BadMomentError(ValueError):
    """The text is no moment; the message says what is expected."""


def parse_moment(text: str) -> dt.datetime | None:
    """A day or a moment in ISO 8601; without an offset it is UTC. None for an empty text.

    A day alone means its end: everything recorded on that day (UTC) counts.

    Raises:
        BadMomentError: it is anything else.
    """
    text = text.strip()
    if not text:
        return None
    try:
        if len(text) == len("2026-11-20"):
            day = dt.date.fromisoformat(text)
            return dt.datetime.combine(day, dt.time.max, tzinfo=dt.UTC)
        # In an address a plus sign reads as a blank.
        moment = dt.datetime.fromisoformat(text.replace(" ", "T" if "T" not in text else "+", 1))
    except ValueError as error:
        raise BadMomentError(
            f"as_of: {text!r} is no moment; expected 2026-11-20 or 2026-11-20T14:05Z"
        ) from error
    return moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)
