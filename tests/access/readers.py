"""Selectors that take the person who looks, and panels: who finds something there."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from typing import TYPE_CHECKING, Any

from django.test import RequestFactory

from portal.models import User
from portal.shell.panels import home_panels, object_panels
from tests.access.matrix import Column, Columns

if TYPE_CHECKING:  # the world is made by the modules of rows, which use this module
    from tests.access.asking import Asker


@dataclass(frozen=True)
class Reader:
    """A selector that takes the person: who finds something, and how much where it is their own.

    Attributes:
        name: `adoption.selectors.deliveries:own_deliveries`.
        to: who finds something; everybody else nothing.
        counts: by column, where the number is known.
        arguments: name → where the world has it, or a plain value.
        seen: whether a found row is this person's to see.
    """

    name: str
    to: Columns
    counts: Mapping[Column, int] = field(default_factory=dict)
    arguments: Mapping[str, Any] = field(default_factory=dict)
    may_find: Callable[[Any, User], bool] | None = None
    user_argument: str = "user"

    def problem(self, asker: Asker) -> str:
        module, name = self.name.split(":")
        function = getattr(import_module(module), name)
        given = {
            key: asker.world.value(value[1:])
            if isinstance(value, str) and value[:1] == "@"
            else value
            for key, value in self.arguments.items()
        }
        for column in Column:
            person = asker.person(column)
            found = _rows(function(**{self.user_argument: person}, **given))
            wanted = self.counts.get(column)
            if bool(found) != (column in self.to) or (wanted is not None and len(found) != wanted):
                return f"{self.name} finds {len(found)} for {column}"
            if self.may_find and not all(self.may_find(each, person) for each in found):
                return f"{self.name} finds what is not for {column}"
        return ""


def _rows(found: Any) -> list[Any]:
    if found is None or found is False:  # nothing, or no
        return []
    if hasattr(found, "__iter__") and not isinstance(found, (str, dict)):
        return list(found)
    return [found]


@dataclass(frozen=True)
class Panel:
    """A panel of a page: who has one."""

    key: str
    to: Columns
    thing: str = ""

    def problem(self, asker: Asker) -> str:
        for column in Column:
            request = RequestFactory().get("/")
            request.user = asker.person(column)
            if self.thing:
                context = object_panels.get(self.key).context(
                    request, asker.world.value(self.thing)
                )
            else:
                context = home_panels.get(self.key).context(request)
            if (context is not None) != (column in self.to):
                return f"panel {self.key} for {column}: {'there' if context else 'missing'}"
        return ""
