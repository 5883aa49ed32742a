"""Moments as people type them for `as_of`."""

from __future__ import annotations

import datetime as dt

MOMENT_FORM = "2026-11-20 or 2026-11-20T14:05Z"
_DAY_LENGTH = len("2026-11-20")


class BadMomentError(ValueError):
    """The text is no moment, or one to come; the message says what is expected."""


def parse_moment(text: str, *, now: dt.datetime) -> dt.datetime | None:
    """A day or a moment in ISO 8601, as UTC; without an offset it is UTC. None for an empty text.

    A day alone means its end: everything recorded on that day (UTC) counts. Today means all of it
    so far, so that it can be asked for at any hour.

    Raises:
        BadMomentError: it is anything else, or it has not come yet: nobody knows what will be
            recorded until then.
    """
    text = text.strip()
    if not text:
        return None
    is_day = len(text) == _DAY_LENGTH
    try:
        moment = _day_end(text) if is_day else _moment(text)
    except (ValueError, OverflowError) as error:
        raise BadMomentError(f"as_of: {text!r} is no moment; expected {MOMENT_FORM}") from error
    if is_day and moment.date() == now.astimezone(dt.UTC).date():
        return now.astimezone(dt.UTC)
    if moment > now:
        raise BadMomentError(
            f"as_of: {text!r} has not come yet, so nobody knows what will be recorded until then; "
            f"expected a moment up to now, as {MOMENT_FORM}"
        )
    return moment


def _day_end(text: str) -> dt.datetime:
    return dt.datetime.combine(dt.date.fromisoformat(text), dt.time.max, tzinfo=dt.UTC)


def _moment(text: str) -> dt.datetime:
    # In an address a plus sign reads as a blank.
    found = dt.datetime.fromisoformat(text.replace(" ", "T" if "T" not in text else "+", 1))
    return found.astimezone(dt.UTC) if found.tzinfo else found.replace(tzinfo=dt.UTC)


def moment_key(at: dt.datetime) -> str:
    """A moment as addresses carry it: `parse_moment` reads the very same one again."""
    return at.astimezone(dt.UTC).isoformat().replace("+00:00", "Z")
