"""From the names that bills give to people, to their teams: for cost, never for scores."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from adoption.choices import Stage
from adoption.models import Identity, Membership, Team, UseCase
from portal.models import User

_BATCH = 500
_ENDED = (Stage.STOPPED, Stage.RETIRED)


class TeamSpell(NamedTuple):
    """Days in a team, half-open. `line`: the slug of the team, then of those above it."""

    starts_on: dt.date
    ends_on: dt.date | None
    line: tuple[str, ...]


class TeamCase(NamedTuple):
    """A use case of a team that has been approved, and the day on which it ended, if it did."""

    team: str
    use_case_id: int
    ended_on: dt.date | None


def team_spells(principals: Iterable[str]) -> dict[str, list[TeamSpell]]:
    """When the people of these names were in which teams, by name as given.

    A name is looked for among identities of every kind, user names and addresses, in small letters;
    of a path (a role session, `…/anna`) its end as well. A name of two people names nobody.
    """
    wanted = {name: _spellings(name) for name in set(principals) if name}
    people = _people_named({text for texts in wanted.values() for text in texts})
    users: dict[str, int] = {}
    for name, texts in wanted.items():
        found = set().union(*(people.get(text, set()) for text in texts))
        if len(found) == 1:
            users[name] = found.pop()
    spells = _spells_of(set(users.values()))
    return {name: spells[user] for name, user in users.items() if user in spells}


def _spellings(name: str) -> set[str]:
    text = name.casefold()
    return {text, text.rpartition("/")[2]} - {""}


def _people_named(texts: set[str]) -> dict[str, set[int]]:
    found: dict[str, set[int]] = {}
    for column, rows in (
        ("value", Identity.objects.filter(user__isnull=False).values_list("value", "user_id")),
        ("username", User.objects.values_list("username", "pk")),
        ("email", User.objects.values_list("email", "pk")),
    ):
        # Small letters of any script: the databases fold only some, so it is done here.
        for text, user in rows.order_by(column).iterator(chunk_size=_BATCH):
            folded = (text or "").casefold()
            if folded in texts and user is not None:
                found.setdefault(folded, set()).add(user)
    return found


def _spells_of(users: set[int]) -> dict[int, list[TeamSpell]]:
    if not users:
        return {}
    lines = dict(_lines())
    found: dict[int, list[TeamSpell]] = {}
    rows = Membership.objects.filter(user_id__in=users).order_by("starts_on", "pk")
    for user, team, starts, ends in rows.values_list("user_id", "team_id", "starts_on", "ends_on"):
        found.setdefault(user, []).append(TeamSpell(starts, ends, lines[team]))
    return found


def _lines() -> Iterator[tuple[int, tuple[str, ...]]]:
    """Each team with its slug and those of the teams above it."""
    teams = {pk: (slug, parent) for pk, slug, parent in Team.objects.values_list(
        "pk", "slug", "parent_id"
    )}  # fmt: skip
    for pk in teams:
        line: list[str] = []
        current: int | None = pk
        while current is not None and teams[current][0] not in line:
            slug, parent = teams[current]
            line.append(slug)
            current = parent
        yield pk, tuple(line)


def use_cases_of_teams() -> list[TeamCase]:
    """Use cases that have left the stage of a proposal, by team and number. One query."""
    rows = UseCase.objects.exclude(stage=Stage.PROPOSED).order_by("team__slug", "pk")
    return [
        TeamCase(team, pk, since if stage in _ENDED else None)
        for team, pk, stage, since in rows.values_list("team__slug", "pk", "stage", "stage_since")
    ]


def team_names() -> dict[str, str]:
    """Names of all teams by slug. One query."""
    return dict(Team.objects.values_list("slug", "name"))
