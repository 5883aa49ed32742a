"""Months in which a change of a rule could move money, and how many of them a page works out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.db.models import Q, Sum
from django.db.models.functions import Coalesce

from billing.allocation.match import RuleMatch
from billing.models import ChargeSlice, ClosedPart
from billing.selectors.closed_lines import ClosedMonth, newest_first
from portal.shell.periods import Month

MOST_MONTHS = 12
# About three seconds: a dry run reads every line of a month when a rule splits in proportion.
MOST_LINES = 40_000


@dataclass(frozen=True, slots=True)
class Reach:
    """Months with cost lines on the days and of the sources of some rules, newest first.

    Attributes:
        months: as many as a page works out; the newest one always.
        rest: the others, earlier than all of those.
        closed_in_rest: closes with lines in them, which may or may not move.
    """

    months: list[Month]
    rest: list[Month]
    closed_in_rest: list[ClosedMonth]


def reach_of(matches: Sequence[RuleMatch], *, until: Month | None = None) -> Reach:
    """Where rules with these days and sources find cost lines. Two queries at most.

    Args:
        until: leave later months out.
    """
    reach = _reach(matches)
    days = ChargeSlice.objects.order_by().values("day").filter(rows__gt=0)
    if until is not None:
        days = days.filter(day__lt=until.end)
    lines: dict[Month, int] = {}
    reached: set[Month] = set()
    # A dry run of a month reads lines of other sources as well, so all of them are counted.
    for row in days.annotate(lines=Sum("rows"), mine=Coalesce(Sum("rows", filter=reach), 0)):
        month = Month.of(row["day"])
        lines[month] = lines.get(month, 0) + row["lines"]
        if row["mine"]:
            reached.add(month)
    months = sorted(reached, reverse=True)
    count = _affordable([lines[month] for month in months])
    rest = months[count:]
    return Reach(months[:count], rest, _closed_in(rest, matches) if rest else [])


def _affordable(lines: Sequence[int]) -> int:
    """How many of these months a page works out: one at least."""
    total = 0
    for count, each in enumerate(lines[:MOST_MONTHS]):
        total += each
        if count and total > MOST_LINES:
            return count
    return min(len(lines), MOST_MONTHS)


def _reach(matches: Sequence[RuleMatch], prefix: str = "") -> Q:
    """Slices that one of the rules could take, going by days and source."""
    found = Q()
    for match in matches:
        each = Q(**{f"{prefix}day__gte": match.starts_on})
        if match.ends_on is not None:
            each &= Q(**{f"{prefix}day__lt": match.ends_on})
        if match.connection_id is not None:
            each &= Q(**{f"{prefix}connection_id": match.connection_id})
        found |= each
    return found


def _closed_in(months: Sequence[Month], matches: Sequence[RuleMatch]) -> list[ClosedMonth]:
    """Closes with lines on days of these months, as far as the rules reach."""
    parts = ClosedPart.objects.filter(
        _reach(matches, "slice__"),
        slice__day__gte=months[-1].start,
        slice__day__lt=months[0].end,
    )
    rows = parts.order_by().values_list("close__month", "close__issuer", "close__currency")
    return newest_first(
        ClosedMonth(Month.of(closed), issuer, currency)
        for closed, issuer, currency in rows.distinct()
    )
