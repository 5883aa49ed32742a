"""What all facts say of their window."""

from __future__ import annotations

import datetime as dt

from adoption.metrics.ndu import moment_text
from adoption.metrics.windows import Window


def moments_of(window: Window, as_of: dt.datetime) -> dict[str, str]:
    """The window as facts, and up to when it was looked at: not later than its end.

    When it was looked at again is no fact of it, or every fill would restate every window. Where
    the passing of time alone changes a value, the metric says up to when it has.
    """
    return {
        "starts_at": moment_text(window.starts_at),
        "ends_at": moment_text(window.ends_at),
        "as_of": moment_text(min(as_of, window.ends_at)),
    }
