"""Who may do what at which address: the words that the rows of `tests/access/rows` are written in.

A row is one address (a name of the URL configuration) with an object behind it; a cell is a row, a
person (column) and a method, with the answer that is expected. `README.md` says how to add a row.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")


class Column(enum.StrEnum):
    """Who asks. `owner` owns what the row is about; `other_owner` owns its neighbour of that kind.

    The role columns hold that one role and own nothing. `superuser` has Django's flag and no role,
    which must open nothing. `leaver` still has the cookie of a session from before leaving.
    """

    ANONYMOUS = "anonymous"
    LEAVER = "leaver"
    EMPLOYEE = "employee"
    OWNER = "owner"
    OTHER_OWNER = "other_owner"
    PROGRAMME_LEAD = "programme_lead"
    FINANCE = "finance"
    APPROVER = "approver"
    AUDITOR = "auditor"
    ADMINISTRATOR = "administrator"
    SUPERUSER = "superuser"


Columns = frozenset[Column]
STRANGERS: Columns = frozenset({Column.ANONYMOUS, Column.LEAVER})
EVERYBODY: Columns = frozenset(Column) - STRANGERS  # who is signed in
ALL: Columns = frozenset(Column)
NOBODY: Columns = frozenset()


def only(*columns: Column) -> Columns:
    """These and nobody else."""
    return frozenset(columns)


@dataclass(frozen=True)
class Door:
    """One method at one address.

    Attributes:
        to: who gets in.
        answer: the status for them. They send nothing, so a form that asks for something comes
            back with 200, and the API answers 400 (or 428 where it wants a version first).
        refused: the status for everybody else who is signed in: 404 where they may not even know
            that the thing exists, 403 otherwise.
        but: other answers for some columns.
    """

    to: Columns
    answer: int = 200
    refused: int = 403
    but: Mapping[Column, int] = field(default_factory=dict)

    def status(self, column: Column) -> int:
        """What this column is answered, once it is known to be signed in."""
        return self.but.get(column, self.answer if column in self.to else self.refused)


@dataclass(frozen=True)
class Row:
    """One address with an object behind it.

    Attributes:
        route: its name in the URL configuration; where it has none, the route as written there.
        doors: by method. HEAD is as GET unless given; a method that is not here is answered 405.
        values: argument of the route → where the world has it (`case.slug`), or `=text`.
        query: after the question mark; `{case.slug}` is filled in.
        label: sets it apart from other rows of the same route.
        why: why who is refused is answered 404 and not 403, or whatever else was chosen.
        stranger: what whoever is not signed in is answered: 302 to the sign-in page, 401 by the
            API; None where the address is open and the doors hold for strangers too.
        refuses_first: who may not is told so whatever the method; otherwise 405 comes first.
        has_options: OPTIONS is answered with 200 and the list of methods (Django's class views).
        inside: the answer to somebody not signed in, were nobody asked to sign in: policies must
            refuse by themselves. 200 means an empty list; 0 that there is nothing to protect.
        unseen: who is signed in and may not even see the thing: were the view to let them pass,
            its queries must find nothing.
    """

    route: str
    doors: Mapping[str, Door]
    values: Mapping[str, str] = field(default_factory=dict)
    query: str = ""
    label: str = ""
    why: str = ""
    stranger: int | None = 302
    refuses_first: bool = False
    has_options: bool = False
    inside: int = 403
    unseen: Columns = NOBODY

    @property
    def id(self) -> str:
        """Its name in messages."""
        return f"{self.route} ({self.label})" if self.label else self.route

    @property
    def is_api(self) -> bool:
        """Whether it answers with problems, not with pages."""
        return self.stranger == 401

    def door(self, method: str) -> Door | None:
        """What the row says about a method."""
        if method == "HEAD":
            return self.doors.get("HEAD", self.doors.get("GET"))
        return self.doors.get(method)

    def expected(self, column: Column, method: str) -> int:
        """The status that this cell must have."""
        if column in STRANGERS and self.stranger is not None:
            return self.stranger
        door = self.door(method)
        if door is not None:
            return door.status(column)
        if self.refuses_first:
            first = next(iter(self.doors.values()))
            if column not in first.to:
                return first.status(column)
        return 200 if method == "OPTIONS" and self.has_options else 405


@dataclass(frozen=True)
class Cell:
    """One request and the answer that it must get."""

    row: Row
    column: Column
    method: str

    @property
    def expected(self) -> int:
        return self.row.expected(self.column, self.method)

    @property
    def is_declared(self) -> bool:
        """Whether the row speaks of this method; otherwise the answer follows from the rest."""
        return self.row.door(self.method) is not None

    def __str__(self) -> str:
        return f"{self.method} {self.row.id} as {self.column}"


def cells_of(rows: Sequence[Row]) -> Iterator[Cell]:
    """Every cell of these rows: no combination is left out."""
    for row in rows:
        for column in Column:
            for method in METHODS:
                yield Cell(row, column, method)


# --- Ways in which addresses are made here -------------------------------------------------------


def safe(door: Door) -> dict[str, Door]:
    """To look at only."""
    return {"GET": door}


def listing(route: str, to: Columns, **more: object) -> Row:
    """A `ListPage`: reads, answers OPTIONS, says 405 before it looks at the person."""
    return Row(route, safe(Door(to)), has_options=True, **more)  # type: ignore[arg-type]


def page(route: str, to: Columns, *, refused: int = 403, **more: object) -> Row:
    """A page made by a function under `require_safe`."""
    return Row(route, safe(Door(to, refused=refused)), **more)  # type: ignore[arg-type]


def form(route: str, to: Columns, *, refused: int = 403, posted: int = 200, **more: object) -> Row:
    """A form of a class (`FormPage`): the person comes before the method."""
    doors = {"GET": Door(to, refused=refused), "POST": Door(to, posted, refused)}
    return Row(route, doors, refuses_first=True, has_options=True, **more)  # type: ignore[arg-type]


def form_function(route: str, to: Columns, *, posted: int = 200, **more: object) -> Row:
    """A form made by a function under `require_http_methods`: the method comes first."""
    return Row(route, {"GET": Door(to), "POST": Door(to, posted)}, **more)  # type: ignore[arg-type]


def action(route: str, to: Columns, *, answer: int = 302, **more: object) -> Row:
    """It takes what a button sends, and leads on."""
    return Row(route, {"POST": Door(to, answer)}, **more)  # type: ignore[arg-type]


def api(route: str, **doors_and_more: object) -> Row:
    """An endpoint: `get=`, `post=`, `patch=`, … give its doors."""
    doors = {
        method: doors_and_more.pop(method.lower())
        for method in METHODS
        if method.lower() in doors_and_more
    }
    return Row(route, doors, stranger=401, **doors_and_more)  # type: ignore[arg-type]
