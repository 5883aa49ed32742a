"""How settled a sum of money is, worked out from the daily costs that it sums."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass

from billing.choices import Finality

SETTLED_AFTER = dt.timedelta(days=14)
STALE_AFTER = dt.timedelta(days=3)  # of a running month: bills are delivered at least daily
# The worst of several is the status of their sum.
_WORST_FIRST = (
    Finality.OPEN,
    Finality.RESTATED,
    Finality.PROVISIONAL,
    Finality.FINAL,
    Finality.CLOSED,
)


@dataclass(frozen=True, slots=True)
class Settledness:
    """The facts that decide.

    Attributes:
        newest_day: last day (UTC) with money in the sum.
        uninvoiced: lines without an invoice id.
        restated: lines in a slice that the source revised, after its close where it has one.
        changed_at: when one of the slices was written last; None when that is not known.
        is_closed: whether every line stands in a closed month.
    """

    newest_day: dt.date
    uninvoiced: int
    restated: int
    changed_at: dt.datetime | None
    is_closed: bool = False


def finality_of(facts: Settledness, *, now: dt.datetime) -> Finality:
    """The status of a sum of money at `now`.

    *Open* while its newest month (UTC) is running; else *restated* when a restatement lies in it
    that no close has taken in; else *closed* when all of it stands in closed months; else *final*
    when every line carries an invoice id and nothing has changed for 14 days; else *provisional*.
    """
    if (facts.newest_day.year, facts.newest_day.month) >= (
        now.astimezone(dt.UTC).year,
        now.astimezone(dt.UTC).month,
    ):
        return Finality.OPEN
    if facts.restated:
        return Finality.RESTATED
    if facts.is_closed:
        return Finality.CLOSED
    is_calm = facts.changed_at is not None and now - facts.changed_at >= SETTLED_AFTER
    return Finality.FINAL if is_calm and not facts.uninvoiced else Finality.PROVISIONAL


def worst(found: Iterable[Finality]) -> Finality:
    """The least settled of several.

    Raises:
        ValueError: there is none.
    """
    return min(found, key=_WORST_FIRST.index)
