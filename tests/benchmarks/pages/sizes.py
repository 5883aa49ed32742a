"""How much the benchmark of pages fills in, and what it is made of."""

from __future__ import annotations

import datetime as dt
import os
from dataclasses import dataclass

SCALE_VARIABLE = "PLUMBLINE_BENCH_SCALE"
DAYS = 365  # of history, up to yesterday
HEAVIEST = "use-case-0"  # slug of the use case with most of everything


@dataclass(frozen=True, slots=True)
class Sizes:
    """Rows to fill in. A use case gets 2,000 charges, 200 changes and about 40 deliveries."""

    use_cases: int

    @classmethod
    def of_scale(cls, scale: float) -> Sizes:
        return cls(max(10, round(500 * scale)))

    @property
    def charges(self) -> int:
        return self.use_cases * 2_000

    @property
    def changes(self) -> int:
        return self.use_cases * 200

    @property
    def repositories(self) -> int:
        return max(4, self.use_cases * 2 // 5)

    @property
    def people(self) -> int:
        return max(20, self.use_cases * 6 // 5)


def scale() -> float:
    """What `PLUMBLINE_BENCH_SCALE` says; 1 is 500 use cases and a million charges.

    Raises:
        ValueError: it is not a number above 0.
    """
    text = os.environ.get(SCALE_VARIABLE, "").strip() or "1"
    found = float(text)
    if not 0 < found <= 100:
        raise ValueError(f"{SCALE_VARIABLE}={text}: expected a number above 0, at most 100")
    return found


@dataclass(frozen=True, slots=True)
class Calendar:
    """The days of the history: `start` up to, not including, `today` (UTC)."""

    today: dt.date

    @property
    def start(self) -> dt.date:
        return self.today - dt.timedelta(days=DAYS)

    def day(self, number: int) -> dt.date:
        return self.start + dt.timedelta(days=number)

    def moment(self, number: int, hour: int = 6) -> dt.datetime:
        return dt.datetime.combine(self.day(number), dt.time(hour), tzinfo=dt.UTC)
