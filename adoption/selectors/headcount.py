"""How many people could have taken part, week by week: the base of every rate about teams."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from typing import NamedTuple

from django.db.models import Q

from adoption.models import Membership
from adoption.selectors.teams import team_and_below

WEEK = dt.timedelta(days=7)


class Headcount(NamedTuple):
    """People who belonged to the teams on a day of the week that begins on this Monday."""

    week: dt.date
    people: int


def weeks_before(day: dt.date, count: int) -> list[dt.date]:
    """The Mondays of the last `count` whole weeks before the one of `day`, oldest first."""
    monday = day - dt.timedelta(days=day.weekday())
    return [monday - WEEK * number for number in range(count, 0, -1)]


def eligible_headcount(*, team_ids: Iterable[int], weeks: Iterable[dt.date]) -> list[Headcount]:
    """For each week, given by its Monday, how many different people belonged to one of the teams
    on at least one of its days. Everybody counts once, in however many of the teams. One query.
    """
    wanted = sorted(weeks)
    if not wanted:
        return []
    spells = (
        Membership.objects.filter(team_id__in=set(team_ids), starts_on__lt=wanted[-1] + WEEK)
        .filter(Q(ends_on__isnull=True) | Q(ends_on__gt=wanted[0]))
        .order_by("pk")
        .values_list("user_id", "starts_on", "ends_on")
    )
    rows = list(spells)
    return [
        Headcount(
            monday,
            len({
                user
                for user, starts, ends in rows
                if starts < monday + WEEK and (ends is None or ends > monday)
            }),
        )
        for monday in wanted
    ]  # fmt: skip


def team_headcount(*, team_id: int, weeks: Iterable[dt.date]) -> list[Headcount]:
    """The same for a team and all teams below it."""
    return eligible_headcount(team_ids=team_and_below(team_id), weeks=weeks)
