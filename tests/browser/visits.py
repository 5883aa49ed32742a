"""A visit of an address, and which addresses the URL configuration has."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import quote

from django.urls import URLPattern, URLResolver, get_resolver, reverse

from tests.browser.server import Site

NOT_PAGES = ("api/", "ops/", "ops", "healthz", "readyz")


@dataclass(frozen=True)
class Visit:
    """One visit of a page.

    Attributes:
        label: sets it apart from other visits of the same route.
        values: by name of an argument of the route, where the story has it (`use_case.slug`,
            `runs.held.pk`), or `=text` for a plain value.
        query: of the address; `{…}` is replaced by what the story has there.
        who: a session of the story, or `nobody`.
    """

    label: str = ""
    values: Mapping[str, str] = field(default_factory=dict)
    query: str = ""
    who: str = "viewer"

    def address(self, route: str, site: Site) -> str:
        """The address of this visit, without the host."""
        known = {
            name: where[1:] if where.startswith("=") else site.value(where)
            for name, where in self.values.items()
        }
        query = re.sub(r"{(.+?)}", lambda found: quote(site.value(found[1])), self.query)
        return reverse(route, kwargs=known) + (f"?{query}" if query else "")


@dataclass(frozen=True)
class Elsewhere:
    """An address that is no page here: what it answers to a look, and why it is not visited."""

    visit: Visit
    status: int
    why: str


def named_routes() -> set[str]:
    """Names of all addresses that may be pages: not the API, not what machines ask."""
    return {name for name, route in _walk(get_resolver().url_patterns, "") if name and _may(route)}


def _may(route: str) -> bool:
    return not route.startswith(NOT_PAGES)


def _walk(
    patterns: Sequence[URLPattern | URLResolver], prefix: str
) -> Iterator[tuple[str | None, str]]:
    for each in patterns:
        route = prefix + str(each.pattern)
        if isinstance(each, URLResolver):
            yield from _walk(each.url_patterns, route)
        else:
            yield each.name, route


def some(paths: Sequence[str], *, every: bool) -> Sequence[str]:
    """All of these, or as a sample the first and each sixth after it."""
    return paths if every else paths[::6]


def slug_at(where: str, **more: str) -> dict[str, str]:
    return {"slug": where, **more}
