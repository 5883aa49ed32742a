"""Every address of the URL configuration, and filling in what stands between its slashes."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any
from urllib.parse import quote

from django.urls import URLPattern, URLResolver, get_resolver, reverse

from tests.access.matrix import Row

# Addresses without a name, by the route that the URL configuration has: an address to ask for.
UNNAMED = {"api/": "/api/v1/nothing-here/"}


@dataclass(frozen=True)
class Address:
    """One resolvable pattern: its name (or, without one, its route), its route, its view."""

    key: str
    route: str
    view: Any


@cache
def addresses() -> tuple[Address, ...]:
    """All of them, those that the rooms registered included."""
    return tuple(_walk(get_resolver().url_patterns, "", ""))


def address_of(row: Row) -> Address:
    """The address that a row is about."""
    return next(each for each in addresses() if each.key == row.route)


def view_class(address: Address) -> Any:
    """The class behind an address, or None for a function."""
    return getattr(address.view, "cls", None) or getattr(address.view, "view_class", None)


def _walk(
    patterns: Sequence[URLPattern | URLResolver], prefix: str, spaces: str
) -> Iterator[Address]:
    for each in patterns:
        route = prefix + str(each.pattern)
        if isinstance(each, URLResolver):
            inner = f"{spaces}{each.namespace}:" if each.namespace else spaces
            yield from _walk(each.url_patterns, route, inner)
        else:
            name = f"{spaces}{each.name}" if each.name else route or "^"
            yield Address(name, route, each.callback)


def path_of(row: Row, world: Any) -> str:
    """The address of a row in this world, with its query."""
    query = re.sub(r"{(.+?)}", lambda found: quote(str(world.value(found[1]))), row.query)
    values = {
        name: where[1:] if where.startswith("=") else world.value(where)
        for name, where in row.values.items()
    }
    path = UNNAMED.get(row.route) or reverse(row.route, kwargs=values)
    return f"{path}?{query}" if query else path
