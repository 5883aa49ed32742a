"""What a fill does with one window: which windows are due, and what becomes of each value. Pure."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from adoption.choices import ValueStatus
from adoption.metrics.contracts import Computed, Windowed
from adoption.metrics.windows import Window, WindowKind, windows_between

NO_DATA = "no_data"
NO_FACTS = "{}"
SETTLED = (ValueStatus.FINAL.value, ValueStatus.RESTATED.value)


class Step(StrEnum):
    """What becomes of one value."""

    ADD = "added"
    CHANGE = "changed"  # provisional values move as things mature
    RESTATE = "restated"  # a final one was revised
    SETTLE = "settled"
    KEEP = "unchanged"
    NEWER = "newer"  # what is stored was looked at later than this fill


@dataclass(frozen=True, slots=True)
class Stored:
    """The current row of a scope and window, as far as a fill compares it."""

    pk: int
    data_version: int
    facts_sha256: str
    zone: str
    status: str
    is_settled: bool
    data_as_of: dt.datetime
    computed: Computed


@dataclass
class FillResult:
    """What one fill did to one version of a metric.

    Attributes:
        problem: why it was left as it is, as a sentence; then nothing after the last whole window
            was written.
        until: up to which day it is filled now.
    """

    key: str
    version: str
    windows: int = 0
    counts: dict[str, int] = field(default_factory=lambda: {step.value: 0 for step in Step})
    suspended: int = 0
    until: dt.date | None = None
    problem: str = ""

    def as_json(self) -> dict[str, Any]:
        """For `--json`."""
        return {
            "metric": self.key,
            "version": self.version,
            "windows": self.windows,
            **self.counts,
            "suspended": self.suspended,
            "filled_until": self.until.isoformat() if self.until else None,
            "problem": self.problem or None,
        }


def due_windows(
    kind: WindowKind, *, first: dt.date, zones: Sequence[str], at: dt.datetime
) -> list[tuple[dt.date, dt.date]]:
    """Days of the windows from `first` on that are over in every zone, oldest first."""
    last = (at + dt.timedelta(days=2)).date()
    found = windows_between(kind, first, last, "UTC")
    return [
        (window.starts_on, window.ends_on)
        for window in found
        if all(Window(window.starts_on, window.ends_on, zone).ends_at <= at for zone in zones)
    ]


def has_matured(windowed: Windowed, window: Window, at: dt.datetime) -> bool:
    """Whether the passing of time alone changes the window's values no more."""
    return window.ends_at + windowed.matures_after <= at


def decide(
    stored: Stored | None, *, sha256: str, window: Window, matured: bool, at: dt.datetime
) -> Step:
    """What becomes of a value whose facts are now known by `sha256`."""
    if stored is None:
        return Step.ADD
    if stored.data_as_of > at:
        return Step.NEWER
    if (stored.facts_sha256, stored.zone) == (sha256, window.zone):
        return Step.SETTLE if matured and not stored.is_settled else Step.KEEP
    return Step.RESTATE if stored.is_settled else Step.CHANGE


def status_after(step: Step, *, matured: bool) -> ValueStatus:
    """The status of a row that `step` writes."""
    if step is Step.RESTATE:
        return ValueStatus.RESTATED
    return ValueStatus.FINAL if matured else ValueStatus.PROVISIONAL
