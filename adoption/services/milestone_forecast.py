"""When a promise will be reached, from the pace of what happened. Pure: nothing is written.

Method, for counts that only rise: the pace is what happened in the last eight weeks, divided by
their days; the day is as many days ahead as the rest takes at that pace. The range holds in four
of five cases if things go on happening at that (unknown) pace one by one: the time to `r` more
after `n` in `T` days is T·r/(n+½) times an F(2r, 2n+1) variable (a Poisson process with Jeffreys'
prior for its rate). A cost, a share or a level has no pace, so it gets no forecast.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from adoption.choices import Comparator, MilestoneRisk, MilestoneState
from adoption.metrics.registry import NANO
from adoption.validation import numerics

PACE_WEEKS = 8
PACE_DAYS = PACE_WEEKS * 7
_SHORTEST_PACE = 28  # days; a single good week is no pace
FEWEST = 3  # things that happened in the weeks of the pace
FARTHEST = dt.timedelta(days=3 * 365)
SOON = dt.timedelta(days=14)
_TAIL = 0.1
_UPWARD = (Comparator.AT_LEAST, Comparator.MORE_THAN)

NO_PACE = "forecast_only_for_counts"
TOO_LITTLE = "too_little_happened"
TOO_FAR = "years_away_at_this_pace"
NOT_KNOWN = "value_not_known"
IS_REACHED = "reached"
METHOD = (
    f"Pace of the last {PACE_WEEKS} weeks, carried on evenly; the range holds in 4 of 5 cases "
    "when things go on at that pace one by one."
)


@dataclass(frozen=True, slots=True)
class Outlook:
    """When it will be reached: a day with a range, or the reason why nobody can say.

    Days are days of the programme's zone, never before the day on which it was asked. `high_on` is
    None when the late end lies years away.
    """

    on: dt.date | None = None
    low_on: dt.date | None = None
    high_on: dt.date | None = None
    reason: str = ""


def needed(comparator: str, threshold_nano: int) -> int:
    """How many whole things satisfy the comparator."""
    threshold = Fraction(threshold_nano, NANO)
    if comparator == Comparator.AT_LEAST:
        return math.ceil(threshold)
    return math.floor(threshold) + 1


def outlook(
    *,
    comparator: str,
    threshold_nano: int,
    measured_nano: int | None,
    happened_at: Sequence[dt.datetime],
    counts_up: bool,
    at: dt.datetime,
    today: dt.date,
) -> Outlook:
    """The forecast of an open promise.

    Args:
        measured_nano: the value now; None when unknown.
        happened_at: when each counted thing happened, as the metric says.
        counts_up: whether the metric is a count that only withdrawn facts lower.
        at, today: now, and the day that it is in the programme's zone.
    """
    if not counts_up or comparator not in _UPWARD:
        return Outlook(reason=NO_PACE)
    if measured_nano is None:
        return Outlook(reason=NOT_KNOWN)
    rest = needed(comparator, threshold_nano) - len(happened_at)
    if rest <= 0:
        return Outlook(reason=IS_REACHED)
    past = [moment for moment in happened_at if moment <= at]
    recent = [moment for moment in past if moment > at - dt.timedelta(days=PACE_DAYS)]
    if len(recent) < FEWEST:
        return Outlook(reason=TOO_LITTLE)
    known = (at - min(past)).total_seconds() / 86400
    days = min(float(PACE_DAYS), max(float(_SHORTEST_PACE), known))
    at_pace = days * rest / len(recent)
    scale = days * rest / (len(recent) + 0.5)
    low, high = numerics.stats.f.ppf((_TAIL, 1 - _TAIL), 2 * rest, 2 * len(recent) + 1) * scale
    if at_pace > FARTHEST.days:
        return Outlook(reason=TOO_FAR)
    late = float(high)
    return Outlook(
        on=_ahead(today, at_pace),
        low_on=_ahead(today, min(float(low), at_pace)),
        high_on=_ahead(today, max(late, at_pace)) if late <= FARTHEST.days else None,
    )


def _ahead(today: dt.date, days: float) -> dt.date:
    return today + dt.timedelta(days=max(0, math.ceil(days)))


def risk_of(
    *, state: str, due_on: dt.date, forecast_on: dt.date | None, today: dt.date
) -> MilestoneRisk | None:
    """Why an open promise may be missed, or None.

    At risk is one whose forecast lies after its day, and one that is due within 14 days.
    """
    if state != MilestoneState.OPEN:
        return None
    if forecast_on is not None and forecast_on > due_on:
        return MilestoneRisk.FORECAST_LATE
    return MilestoneRisk.DUE_SOON if due_on - today <= SOON else None
