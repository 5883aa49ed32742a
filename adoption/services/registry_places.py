"""To whom an imported use case belongs: programme, team and owner, found or refused."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, field

from adoption.inventories.contracts import InventoryRow
from adoption.models import Programme, Team
from adoption.services.refusals import RefusedError
from adoption.services.teams import create_team
from portal.models import User


class NoPlaceError(RefusedError):
    """The row does not say where it belongs, and no option does."""


@dataclass(frozen=True, slots=True)
class ImportOptions:
    """What the person who imports says about every row.

    Attributes:
        programme: for rows that name none; None takes the only one there is.
        team: for all rows, instead of what they say.
        owner: for rows whose address belongs to nobody here; None takes the programme's owner.
        value_type: for rows whose form does not ask; None leaves it as not stated.
    """

    programme: Programme | None = None
    team: Team | None = None
    owner: User | None = None
    value_type: str | None = None


@dataclass(slots=True)
class Places:
    """Programmes, teams and people of one import, each looked up once."""

    options: ImportOptions
    at: dt.datetime
    teams_created: list[Team] = field(default_factory=list)
    _programmes: dict[str, Programme] = field(default_factory=dict)
    _teams: dict[tuple[str, ...], Team] = field(default_factory=dict)
    _people: dict[str, User | None] = field(default_factory=dict)

    def programme(self, row: InventoryRow) -> Programme:
        """The programme that the row names, else the option, else the only one.

        Raises:
            NoPlaceError: none of them says which.
        """
        if row.programme not in self._programmes:
            self._programmes[row.programme] = self._find_programme(row.programme)
        return self._programmes[row.programme]

    def _find_programme(self, slug: str) -> Programme:
        named = Programme.objects.filter(slug=slug).first() if slug else None
        found: Programme | None = named or self.options.programme
        if found is not None:
            return found
        known = list(Programme.objects.order_by("slug")[:2])
        if len(known) == 1:
            return known[0]
        slugs = ", ".join(Programme.objects.order_by("slug").values_list("slug", flat=True)[:20])
        raise NoPlaceError(
            f"name one of the programmes ({slugs}) with --programme"
            if known
            else "there is no programme yet; make one first",
            field="programme",
        )

    def team(self, row: InventoryRow, actor: User) -> Team:
        """The option, else the team that the row names, made below its organisation if it is new.

        Raises:
            NoPlaceError: the row names none, or the slug of one that is not there.
        """
        if self.options.team is not None:
            return self.options.team
        if not row.teams:
            raise NoPlaceError(
                "the row names no organisation; say --team for all rows", field="team"
            )
        if row.programme:  # our own document names teams by their slug
            named = Team.objects.filter(slug=row.teams[0]).first()
            if named is None:
                raise NoPlaceError(
                    f"there is no team “{row.teams[0]}”; say --team for all rows", field="team"
                )
            return named
        return self._team_below(row.teams, actor)

    def _team_below(self, path: Sequence[str], actor: User) -> Team:
        parent: Team | None = None
        for depth in range(1, len(path) + 1):
            key = tuple(name.casefold() for name in path[:depth])
            if key not in self._teams:
                self._teams[key] = self._named_or_new(path[depth - 1], parent, actor)
            parent = self._teams[key]
        assert parent is not None  # noqa: S101  (a path has at least one name)
        return parent

    def _named_or_new(self, name: str, parent: Team | None, actor: User) -> Team:
        found = Team.objects.filter(name__iexact=name, parent=parent).order_by("pk").first()
        if found is None:
            found = create_team(name=name, parent=parent, actor=actor, at=self.at)
            self.teams_created.append(found)
        return found

    def owner(self, row: InventoryRow, programme: Programme) -> User:
        """Whoever the row's address or sign-in name belongs to, else the option, else who owns
        the programme. Nobody who has left, and nobody where an address belongs to several."""
        if row.owner not in self._people:
            self._people[row.owner] = _person(row.owner)
        return self._people[row.owner] or self.options.owner or programme.owner


def _person(name: str) -> User | None:
    if not name:
        return None
    active = User.objects.filter(is_active=True)
    found = list(active.filter(username=name)[:1]) or list(active.filter(email__iexact=name)[:2])
    return found[0] if len(found) == 1 else None
