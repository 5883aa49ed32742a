"""The windows that a use case is compared over, as they were registered before its launch.

Whoever keeps registrations puts a provider in here. Without one there is no index: a baseline
chosen afterwards is a flattering one.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from adoption.metrics.windows import Window
from portal.registry import Registry


@dataclass(frozen=True, slots=True)
class RegisteredWindows:
    """Two windows fixed at registration, and what the registration is known by.

    `base_units`: what the baseline came to when it was registered, if that was written down. When
    data of the baseline is missing later, it still counts: losing history improves nothing.
    """

    registration: str
    sha256: str
    baseline: Window
    after: Window
    base_units: int = 0

    def as_fact(self) -> dict[str, Any]:
        """As it stands in facts."""
        return {
            "registration": self.registration,
            "sha256": self.sha256,
            "baseline": _fact(self.baseline),
            "after": _fact(self.after),
            "base_units": self.base_units,
        }


def _fact(window: Window) -> dict[str, str]:
    return {
        "starts_on": window.starts_on.isoformat(),
        "ends_on": window.ends_on.isoformat(),
        "zone": window.zone,
    }


def read_window(fact: Mapping[str, str]) -> Window:
    """A window out of facts."""
    starts, ends = (dt.date.fromisoformat(fact[name]) for name in ("starts_on", "ends_on"))
    return Window(starts, ends, fact["zone"])


@dataclass(frozen=True, slots=True)
class WindowProvider:
    """Gives `windows(use_case_ids, as_of)` → the registered windows of each use case, those of the
    newest registration last."""

    key: str
    windows: Callable[[Sequence[int], dt.datetime], Mapping[int, Sequence[RegisteredWindows]]]


window_providers: Registry[WindowProvider] = Registry("window provider", lambda item: [])


def registered_windows(
    use_case_ids: Sequence[int], window: Window, as_of: dt.datetime
) -> dict[int, RegisteredWindows]:
    """By use case, the newest registration whose later window ends within `window`."""
    found: dict[int, RegisteredWindows] = {}
    for provider in window_providers:
        for pk, registered in provider.windows(use_case_ids, as_of).items():
            for each in registered:
                if window.starts_on < each.after.ends_on <= window.ends_on:
                    found[pk] = each
    return found
