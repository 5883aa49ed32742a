"""Reading the organisation tree and who belongs where."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from typing import TypedDict

from django.db.models import Count, Q, QuerySet

from adoption.models import GroupTeam, Membership, Team, UseCase
from adoption.policies import may_edit_programmes, may_see_registry
from portal.policies import AnyUser

PATH_SEPARATOR = " › "


def teams_visible_to(user: AnyUser) -> QuerySet[Team]:
    """Those that this person may see: all of them inside the organisation, none outside."""
    return Team.objects.all() if may_see_registry(user) else Team.objects.none()


def groups_visible_to(user: AnyUser) -> QuerySet[GroupTeam]:
    """Which sign-in groups are which teams; none for those who may not edit teams."""
    rows = GroupTeam.objects.select_related("team").order_by("group", "pk")
    return rows if may_edit_programmes(user) else rows.none()


def memberships_on(day: dt.date) -> QuerySet[Membership]:
    """Memberships that hold on `day`."""
    return Membership.objects.filter(starts_on__lte=day).filter(
        Q(ends_on__isnull=True) | Q(ends_on__gt=day)
    )


class TeamRecord(TypedDict):
    """A team as a list shows it; `path` names every team above it and itself."""

    pk: int
    slug: str
    name: str
    path: str
    above: str
    depth: int
    people: int
    use_cases: int


class _Tree:
    """Names and parents of all teams, read once."""

    def __init__(self) -> None:
        rows = Team.objects.values_list("pk", "name", "parent_id")
        self.names: dict[int, str] = {}
        self.parents: dict[int, int | None] = {}
        for pk, name, parent in rows:
            self.names[pk] = name
            self.parents[pk] = parent

    def line(self, pk: int) -> list[int]:
        """The team and those above it, topmost first."""
        found: list[int] = []
        current: int | None = pk
        while current is not None and current not in found:
            found.append(current)
            current = self.parents.get(current)
        return found[::-1]

    def below(self, pk: int) -> set[int]:
        """The team and all below it."""
        return {other for other in self.parents if pk in self.line(other)}


def team_and_below(team_id: int) -> set[int]:
    """Keys of the team and of every team below it, in one query."""
    return _Tree().below(team_id)


def team_path(team: Team) -> list[Team]:
    """The teams above this one, topmost first, in two queries."""
    keys = _Tree().line(team.pk)[:-1]
    found = Team.objects.in_bulk(keys)
    return [found[key] for key in keys]


def team_records(teams: Iterable[Team], *, today: dt.date) -> list[TeamRecord]:
    """Teams in the order of the tree, with the people in each today and its use cases.

    Four queries, whatever the number of teams.
    """
    tree = _Tree()
    people = dict(
        memberships_on(today)
        .order_by()
        .values_list("team_id")
        .annotate(Count("user_id", distinct=True))
    )
    use_cases = dict(UseCase.objects.order_by().values_list("team_id").annotate(Count("pk")))
    records: list[TeamRecord] = []
    for team in teams:
        line = [tree.names[pk] for pk in tree.line(team.pk)]
        records.append(
            {
                "pk": team.pk,
                "slug": team.slug,
                "name": team.name,
                "path": PATH_SEPARATOR.join(line),
                "above": PATH_SEPARATOR.join(line[:-1]),
                "depth": len(line) - 1,
                "people": people.get(team.pk, 0),
                "use_cases": use_cases.get(team.pk, 0),
            }
        )
    records.sort(key=lambda record: (record["path"].casefold(), record["pk"]))
    return records


def memberships_of(team: Team) -> QuerySet[Membership]:
    """Everybody who belongs or belonged to the team: open memberships first, then the latest."""
    return (
        Membership.objects.filter(team=team)
        .select_related("user")
        .order_by("ends_on", "-starts_on", "pk")
    )
