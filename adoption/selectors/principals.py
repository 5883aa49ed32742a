"""From the names that bills give to people, to their teams: for cost, never for scores."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator
from itertools import groupby
from operator import itemgetter
from typing import NamedTuple
from zoneinfo import ZoneInfo

from adoption.choices import Stage
from adoption.models import Identity, Membership, StageChange, Team, UseCase
from adoption.selectors.past_rows import rows_recorded_at
from portal.models import User
from portal.shell.periods import day_of

_BATCH = 500
_NOT_UNDER_WAY = (Stage.PROPOSED, Stage.STOPPED, Stage.RETIRED)


class TeamSpell(NamedTuple):
    """Days in a team, half-open. `line`: the slug of the team, then of those above it."""

    starts_on: dt.date
    ends_on: dt.date | None
    line: tuple[str, ...]


class TeamCase(NamedTuple):
    """Days on which a use case of a team was under way, half-open, in its programme's time zone."""

    team: str
    use_case_id: int
    starts_on: dt.date
    ended_on: dt.date | None


def team_spells(
    principals: Iterable[str], *, at: dt.datetime | None = None
) -> dict[str, list[TeamSpell]]:
    """When the people of these names were in which teams, by name as given.

    As identities, memberships and teams were recorded at a moment (None: now).

    A name is looked for among identities of every kind, user names and addresses, in small letters;
    of a path (a role session, `…/anna`) its end as well. A name of two people names nobody.
    """
    wanted = {name: _spellings(name) for name in set(principals) if name}
    people = _people_named({text for texts in wanted.values() for text in texts}, at)
    users: dict[str, int] = {}
    for name, texts in wanted.items():
        found = set().union(*(people.get(text, set()) for text in texts))
        if len(found) == 1:
            users[name] = found.pop()
    spells = _spells_of(set(users.values()), at)
    return {name: spells[user] for name, user in users.items() if user in spells}


def _spellings(name: str) -> set[str]:
    text = name.casefold()
    return {text, text.rpartition("/")[2]} - {""}


def _people_named(texts: set[str], at: dt.datetime | None) -> dict[str, set[int]]:
    found: dict[str, set[int]] = {}
    for rows in (
        _identities(at),
        User.objects.values_list("username", "pk").iterator(chunk_size=_BATCH),
        User.objects.values_list("email", "pk").iterator(chunk_size=_BATCH),
    ):
        # Small letters of any script: the databases fold only some, so it is done here.
        for text, user in rows:
            folded = (text or "").casefold()
            if folded in texts and user is not None:
                found.setdefault(folded, set()).add(user)
    return found


def _identities(at: dt.datetime | None) -> Iterator[tuple[str, int | None]]:
    if at is None:
        known = Identity.objects.filter(user__isnull=False)
        yield from known.values_list("value", "user_id").iterator(chunk_size=_BATCH)
        return
    whose = rows_recorded_at(Identity.objects.all(), ["user_id"], at)
    for pk, value in Identity.objects.values_list("pk", "value").iterator(chunk_size=_BATCH):
        if pk in whose:
            yield value, whose[pk]["user_id"]


def _spells_of(users: set[int], at: dt.datetime | None) -> dict[int, list[TeamSpell]]:
    if not users:
        return {}
    lines = dict(_lines(at))
    found: dict[int, list[TeamSpell]] = {}
    columns = ["user_id", "team_id", "starts_on", "ends_on"]
    rows = rows_recorded_at(Membership.objects.filter(user_id__in=users), columns, at)
    for row in rows.values():
        if row["user_id"] in users and row["team_id"] in lines:
            starts, ends = _day(row["starts_on"]), row["ends_on"] and _day(row["ends_on"])
            spell = TeamSpell(starts, ends, lines[row["team_id"]])
            found.setdefault(row["user_id"], []).append(spell)
    return {user: sorted(spells, key=itemgetter(0)) for user, spells in found.items()}


def _day(day: dt.date | str) -> dt.date:
    return day if isinstance(day, dt.date) else dt.date.fromisoformat(day)


def _lines(at: dt.datetime | None) -> Iterator[tuple[int, tuple[str, ...]]]:
    """Each team with its slug and those of the teams above it."""
    teams = rows_recorded_at(Team.objects.all(), ["slug", "parent_id"], at)
    for pk in teams:
        line: list[str] = []
        current: int | None = pk
        while current in teams and teams[current]["slug"] not in line:
            line.append(teams[current]["slug"])
            current = teams[current]["parent_id"]
        yield pk, tuple(line)


def use_cases_of_teams(*, at: dt.datetime | None = None) -> list[TeamCase]:
    """When use cases were under way: approved, and not stopped or retired.

    By number, from the decision log: what a use case is today says nothing of the days before that
    was decided. As it was recorded at a moment (None: now).
    """
    rows = StageChange.objects.order_by("use_case_id", "decided_at", "pk")
    if at is not None:
        rows = rows.filter(decided_at__lte=at)
    teams = rows_recorded_at(UseCase.objects.all(), ["team_id"], at)
    slugs = {pk: line[0] for pk, line in _lines(at)}
    found: list[TeamCase] = []
    for (pk, zone), steps in groupby(
        rows.values_list(
            "use_case_id", "use_case__programme__time_zone", "to_stage", "decided_at"
        ).iterator(chunk_size=_BATCH),
        key=itemgetter(0, 1),
    ):
        team = slugs.get(teams[pk]["team_id"]) if pk in teams else None
        if team is None:  # the audit knows of it only later than the log does
            continue
        began: dt.date | None = None
        for *_, stage, moment in steps:
            day = day_of(moment, ZoneInfo(zone))
            if stage not in _NOT_UNDER_WAY:
                began = began or day
            elif began is not None:
                found.append(TeamCase(team, pk, began, day))
                began = None
        if began is not None:
            found.append(TeamCase(team, pk, began, None))
    return found


def team_names() -> dict[str, str]:
    """Names of all teams by slug. One query."""
    return dict(Team.objects.values_list("slug", "name"))
