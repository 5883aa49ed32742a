"""How fresh the portal's data is: rooms register what to ask, the footer says the answer."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass

from django.core.cache import cache

from portal.registry import Registry

# Long enough that a busy page does not ask each time, short enough that nobody waits for it.
CACHE_SECONDS = 30


@dataclass(frozen=True, slots=True)
class FreshnessSource:
    """One kind of data: `as_of()` gives its newest moment (aware), None when there is none yet."""

    key: str
    label: str
    as_of: Callable[[], dt.datetime | None]
    order: int = 100


@dataclass(frozen=True, slots=True)
class Freshness:
    label: str
    as_of: dt.datetime | None


freshness_sources: Registry[FreshnessSource] = Registry("freshness source")


def data_freshness() -> list[Freshness]:
    """The newest moment of each kind of data, at most `CACHE_SECONDS` old."""
    found = []
    for source in sorted(freshness_sources, key=lambda s: (s.order, s.key)):
        # The answer may be None, which a cache cannot tell from "not cached": hence the tuple.
        held = cache.get_or_set(
            f"freshness:{source.key}", lambda s=source: (s.as_of(),), CACHE_SECONDS
        )
        found.append(Freshness(source.label, held[0] if held else None))
    return found
