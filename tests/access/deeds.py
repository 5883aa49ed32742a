"""Checks below and beside the addresses: policies by themselves, services past their pages, and
what of a page or an answer is whose.

A page may refuse before a service would; then no request tells whether the service refuses too.
"""

from __future__ import annotations

import contextlib
import csv
import io
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from typing import TYPE_CHECKING, Any

from django.core.exceptions import PermissionDenied
from django.db import DatabaseError, transaction
from django.db.models import QuerySet

from portal.audit.context import Channel, acting
from tests.access.matrix import STRANGERS, Column, Columns, Row
from tests.access.readers import Reader

if TYPE_CHECKING:  # the world is made by the modules of rows, which use this module
    from tests.access.asking import Asker

REFUSALS = (ValueError, LookupError, PermissionError, PermissionDenied, DatabaseError)


def _named(name: str) -> Callable[..., Any]:
    module, function = name.split(":")
    found: Callable[..., Any] = getattr(import_module(module), function)
    return found


def _given(asker: Asker, arguments: Mapping[str, Any]) -> dict[str, Any]:
    return {
        key: asker.world.value(value[1:]) if isinstance(value, str) and value[:1] == "@" else value
        for key, value in arguments.items()
    }


@dataclass(frozen=True)
class Grant:
    """A policy asked by itself: to whom it says yes.

    Attributes:
        name: `adoption.policies:may_review_delivery`.
        to: to these and nobody else.
        arguments: beside `user`; `@case` is what the world has under that name.
    """

    name: str
    to: Columns
    arguments: Mapping[str, Any] = field(default_factory=dict)

    def problem(self, asker: Asker) -> str:
        function, given = _named(self.name), _given(asker, self.arguments)
        for column in Column:
            says = bool(function(user=asker.person(column), **given))
            if says != (column in self.to):
                return f"{self.name} says {'yes' if says else 'no'} to {column}"
        return ""


@dataclass(frozen=True)
class Deed:
    """A service called past its pages: who gets it done, and what it leaves alone.

    Attributes:
        to: who gets it done; every other account is refused.
        by: who tries; the others are not asked, because pages alone refuse them.
        leaves: what must be the same before and after, whoever does it.
        before: makes what the deed needs; undone with it.
        actor: the argument that takes whoever acts.
    """

    name: str
    to: Columns
    arguments: Mapping[str, Any] = field(default_factory=dict)
    by: Columns = frozenset(Column) - {Column.ANONYMOUS}
    leaves: Callable[[Any], Any] | None = None
    before: Callable[[Any], None] | None = None
    actor: str = "actor"

    def problem(self, asker: Asker) -> str:
        for column in sorted(self.by):
            person = asker.person(column)
            with _undone(), acting(channel=Channel.PAGE, user_id=person.pk, name=column.value):
                if self.before is not None:
                    self.before(asker.world)
                stood = self.leaves(asker.world) if self.leaves else None
                arguments = _given(asker, self.arguments) | (
                    {self.actor: person} if self.actor else {}
                )
                try:
                    with transaction.atomic():
                        _named(self.name)(**arguments)
                    refusal = ""
                except REFUSALS as error:
                    refusal = f"{type(error).__name__}: {error}"
                if bool(refusal) == (column in self.to):
                    return f"{self.name} by {column}: {refusal or 'done'}"
                if self.leaves and self.leaves(asker.world) != stood:
                    return f"{self.name} by {column} changes what it must leave alone"
        return ""


@dataclass(frozen=True)
class Answers:
    """A function that looks at one person's things: what it finds for whom.

    Attributes:
        expected: the value, or how many where it is a list.
    """

    name: str
    arguments: Mapping[str, Any]
    expected: Any
    before: Callable[[Any], None] | None = None

    def problem(self, asker: Asker) -> str:
        with _undone():
            if self.before is not None:
                self.before(asker.world)
            found = _named(self.name)(**_given(asker, self.arguments))
            # A query is asked here: afterwards nothing of it is there any more.
            found = len(found) if isinstance(found, (list, QuerySet)) else found
        return "" if found == self.expected else f"{self.name} gives {found}, not {self.expected}"


@contextlib.contextmanager
def _undone() -> Iterator[None]:
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


@dataclass(frozen=True)
class Shown:
    """How many rows an address shows to whom, with its query: what is one's own there.

    Attributes:
        counts: every signed-in column that is not named must see none.
    """

    row: Row
    counts: Mapping[Column, int]

    def problem(self, asker: Asker) -> str:
        from tests.access.checks import as_list

        for column in sorted(frozenset(Column) - STRANGERS):
            answer = asker.send(column, "GET", as_list(asker, self.row))
            found, wanted = _rows_in(answer), self.counts.get(column, 0)
            if found != wanted:
                return f"{self.row.id} shows {found} to {column}, not {wanted}"
        return ""


def _rows_in(answer: Any) -> int:
    if answer["Content-Type"].startswith("text/csv"):
        return len(list(csv.reader(io.StringIO(answer.body)))) - 1
    return len(json.loads(answer.body)["results"])


@dataclass(frozen=True)
class Told:
    """A text that a page, drawn, shows to some and not to others."""

    row: Row
    text: str
    to: Columns
    by: Columns = frozenset(Column) - STRANGERS

    def problem(self, asker: Asker) -> str:
        from tests.access.asking import drawn

        for column in sorted(self.by):
            with drawn():
                answer = asker.send(column, "GET", asker.path(self.row))
            if (self.text in answer.body) != (column in self.to):
                says = "shows" if self.text in answer.body else "does not show"
                return f"{self.row.id} {says} {self.text!r} to {column}"
        return ""


@dataclass(frozen=True)
class Sent:
    """What is sent to an address, complete: who has it done, where an empty form tells nothing."""

    row: Row
    data: Callable[[Any], Any]
    to: Columns
    method: str = "POST"
    answer: int = 201
    refused: int = 403
    by: Columns = frozenset(Column) - STRANGERS

    def problem(self, asker: Asker) -> str:
        for column in sorted(self.by):
            data = self.data(asker.world)
            status = asker.send(column, self.method, asker.path(self.row), data).status_code
            if status != (self.answer if column in self.to else self.refused):
                return f"{self.method} {self.row.id}, complete, as {column}: {status}"
        return ""


Beside = Grant | Deed | Answers | Shown | Told | Sent | Reader
