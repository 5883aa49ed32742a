"""Putting statements together so that their order of arrival means nothing.

Each field keeps the stamp of the statement that it came from: its time, and for two of the same
time the value itself. The greater stamp wins, whichever comes first. So any order, any repetition
and any delay end at the same row.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

# Ties of one moment: what is over counts more than what runs.
_RANKS = {"queued": 1, "running": 2, "superseded": 3, "unknown": 0}
_TERMINAL_RANK = 4
Event = list[str]  # time, raw status, status


def stamp_of(at: datetime, value: object) -> str:
    """Orders statements about one field: by time, then by value."""
    digest = hashlib.blake2b(
        json.dumps(value, default=str, sort_keys=True).encode(), digest_size=6
    ).hexdigest()
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%f} {digest}"


def later_fields(
    stamps: Mapping[str, str], said: Mapping[str, Any], at: datetime
) -> tuple[dict[str, Any], dict[str, str]]:
    """Of what is said at a moment, what is newer than what is known, and the stamps after it.

    None says nothing.
    """
    taken: dict[str, Any] = {}
    after = dict(stamps)
    for name, value in said.items():
        if value is None:
            continue
        stamp = stamp_of(at, value)
        if stamp > stamps.get(name, ""):
            taken[name] = value
            after[name] = stamp
    return taken, after


def with_event(events: Iterable[Event], at: datetime, raw: str, status: str) -> list[Event]:
    """The status events of a deployment with one more, each once, oldest first."""
    new = [f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%f}", raw, status]
    return sorted({tuple(each): each for each in (*map(list, events), new)}.values())


def current_event(events: Iterable[Event]) -> Event:
    """The event that says where a deployment stands.

    The latest; of one moment the more final. What was replaced (`superseded`) had succeeded, so
    that never takes a success back.
    """
    found = list(events)
    if any(status == "succeeded" for _, _, status in found):
        found = [each for each in found if each[2] != "superseded"]
    return max(found, key=lambda each: (each[0], _RANKS.get(each[2], _TERMINAL_RANK), each[1]))
