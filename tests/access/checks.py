"""Checks of the matrix beside its cells: the walls behind the door, readers, panels, offers.

A check says what is wrong in words, or nothing. All are asked through the same `Asker`, so that
a mutant can be held against every one of them.
"""

from __future__ import annotations

import contextlib
import csv
import io
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import unescape
from typing import Any, Protocol
from unittest import mock
from urllib.parse import urlsplit

from django.test import RequestFactory
from django.urls import resolve
from rest_framework.permissions import AllowAny

from portal.shell.navigation import navigation
from portal.shell.views import ListPage
from tests.access.asking import Asker, drawn
from tests.access.matrix import EVERYBODY, STRANGERS, Cell, Column, Row
from tests.access.readers import Panel, Reader
from tests.access.routes import address_of, addresses, view_class


class Check(Protocol):
    """Something that must hold, whoever changes the product."""

    def problem(self, asker: Asker) -> str:
        """What is wrong; empty when nothing is."""


def problem_of(check: Check, asker: Asker) -> str:
    """What is wrong; an error that a check meets is wrong too."""
    try:
        return check.problem(asker)
    except Exception as error:
        name = getattr(check, "name", getattr(check, "key", check))
        return f"{name}: {type(error).__name__}: {error}"


@dataclass(frozen=True)
class CellCheck:
    """A cell is answered as written."""

    cell: Cell

    def problem(self, asker: Asker) -> str:
        status = asker.status(self.cell)
        wrong = status != self.cell.expected
        return f"{self.cell}: {status} instead of {self.cell.expected}" if wrong else ""


def shows_nothing(answer: Any) -> bool:
    """Whether it is an empty list: a CSV of headings, no line, a page of the API without rows."""
    if answer.status_code != 200:
        return False
    if answer["Content-Type"].startswith("text/csv"):
        return len(list(csv.reader(io.StringIO(answer.body)))) <= 1
    if answer["Content-Type"].startswith("application/x-ndjson"):
        return not answer.body
    if answer["Content-Type"].startswith("application/json"):
        return json.loads(answer.body).get("results") == []
    return False


def as_list(asker: Asker, row: Row) -> str:
    """The address of a row, as CSV where it is a list."""
    path = asker.path(row)
    view = view_class(address_of(row))
    if isinstance(view, type) and issubclass(view, ListPage):
        return f"{path}{'&' if '?' in path else '?'}export=csv"
    return path


@contextlib.contextmanager
def _gate_open(row: Row) -> Iterator[None]:
    """Nobody is asked to sign in here."""
    address = address_of(row)
    with contextlib.ExitStack() as opened:
        for thing, name, value in (
            (address.view, "login_required", False),
            (view_class(address), "permission_classes", (AllowAny,)),
        ):
            if thing is not None:
                opened.enter_context(mock.patch.object(thing, name, value, create=True))
        yield


@dataclass(frozen=True)
class GateOpen:
    """Were nobody asked to sign in, a stranger would still get nothing: policies refuse too.

    The answer is `row.inside`; where that is 200, an empty list.
    """

    row: Row
    method: str

    def problem(self, asker: Asker) -> str:
        with _gate_open(self.row):
            answer = asker.send(Column.ANONYMOUS, self.method, as_list(asker, self.row))
        status = answer.status_code
        # What is read may be an empty list; a write is refused.
        wanted = 403 if self.row.inside == 200 and self.method != "GET" else self.row.inside
        if status == wanted and (status != 200 or shows_nothing(answer)):
            return ""
        return f"{self.method} {self.row.id} with the gate open: {status}, not {wanted}"


@dataclass(frozen=True)
class Behind:
    """Were a view to let a person pass, its queries would still find nothing for them."""

    row: Row
    column: Column
    method: str

    def problem(self, asker: Asker) -> str:
        with asker.doors_open():
            answer = asker.send(self.column, self.method, as_list(asker, self.row))
        if answer.status_code in {403, 404} or shows_nothing(answer):
            return ""
        return f"{self.method} {self.row.id} as {self.column} behind the door: {answer.status_code}"


# Behind these doors stands no second wall against a stranger: forms and definitions have nothing
# of anybody's in them, and the others end in an error or show figures without asking who looks.
ONE_WALL = {
    *("use-case-new", "use-case-similar", "programme-new", "team-new", "allocation-rule-new"),
    *("target-new", "team-import", "group-team-new"),
    *("log-delivery", "log-delivery-link", "log-delivery-changes", "api-deliveries"),
    *("metric-list", "metric", "api-metrics", "api-metric"),
    *("metric-values", "metric-standing-new", "api-metric-values"),
    *("cost-definitions", "costs-unallocated", "cost-lineage", "restatements", "api-costs-explain"),
    *("costs-unmapped", "cost-overlaps", "cost-exports"),
    *("dashboard-new", "snapshot-heads", "snapshot-verifier"),
    *("calibration", "verdict-progress", "api-sandbox-metrics", "api-sandbox-values"),
}


@dataclass(frozen=True)
class Bare:
    """Were nobody asked to sign in, and every view to let all pass, queries would find nothing."""

    row: Row

    def problem(self, asker: Asker) -> str:
        with _gate_open(self.row), asker.doors_open():
            answer = asker.send(Column.ANONYMOUS, "GET", as_list(asker, self.row))
        if answer.status_code in {403, 404} or shows_nothing(answer):
            return ""
        return f"GET {self.row.id} with gate and door open: {answer.status_code}"


@dataclass(frozen=True)
class Navigation:
    """The navigation shows an entry exactly to those whom its address lets in."""

    rows: tuple[Row, ...]

    def problem(self, asker: Asker) -> str:
        doors = {row.route: row for row in self.rows}
        for entry in navigation:
            if entry.url_name not in doors:
                return f"add a row for {entry.url_name}"
            row = doors[entry.url_name]
            for column in Column:
                shown = entry.visible(asker.person(column)) and column not in STRANGERS
                if shown != (row.expected(column, "GET") in {200, 302} and column not in STRANGERS):
                    return f"the navigation and the page disagree about {entry.key} for {column}"
        return ""


@dataclass(frozen=True)
class Offers:
    """A page offers nobody a link or a form that refuses them."""

    row: Row
    column: Column
    method: str = "GET"

    def problem(self, asker: Asker) -> str:
        with drawn():
            answer = asker.send(self.column, "GET", asker.path(self.row))
        for path, method in _offers(answer.body if answer.status_code == 200 else ""):
            status = asker.allowed(self.column, method, path)
            if status in {403, 404, 405}:
                return f"{self.row.id} offers {self.column} {method} {path}, which answers {status}"
        return ""


_LINK = re.compile(r'(?:href|hx-get)="(/[^"]*)"')
_FORM = re.compile(r"<form([^>]*)>")


def _offers(html: str) -> Iterator[tuple[str, str]]:
    for url in sorted(set(_LINK.findall(html))):
        if not url.startswith("/static/"):
            yield unescape(url), "GET"
    for attributes in _FORM.findall(html):
        action = re.search(r'action="(/[^"]*)"', attributes)
        if action and 'method="post"' in attributes:
            yield unescape(action[1]), "POST"


@dataclass(frozen=True)
class ListOffers:
    """The buttons of a list, and what it offers while empty, are open to whoever sees them."""

    row: Row
    column: Column

    def problem(self, asker: Asker) -> str:
        view_type = view_class(address_of(self.row))
        path = asker.path(self.row)
        request = RequestFactory().get(path)
        request.user = asker.person(self.column)
        view = view_type()
        view.setup(request, **resolve(urlsplit(path).path).kwargs)
        urls = [action.url for action in view.get_actions()]
        urls += [url for url in [view.get_empty().action_url] if url]
        for url in urls:
            status = asker.allowed(self.column, "GET", url)
            if status not in {200, 302}:
                return f"{self.row.id} offers {self.column} {url}, which answers {status}"
        return ""


def checks_of(
    rows: Sequence[Row], readers: Sequence[Reader], panels: Sequence[Panel]
) -> list[Check]:
    """Everything that must hold beside the cells."""
    there = {address.key for address in addresses()}  # another test names the rows that are left
    rows = [row for row in rows if row.route in there]
    return [*readers, *panels, Navigation(tuple(rows)), *_walls(rows), *_all_offers(rows)]


def _walls(rows: Sequence[Row]) -> Iterator[Check]:
    for row in rows:
        is_closed = row.stranger is not None and row.inside and "GET" in row.doors
        if is_closed and row.route not in ONE_WALL:
            yield Bare(row)
        for method in row.doors:
            if row.stranger is not None and row.inside:
                yield GateOpen(row, method)
            for column in sorted(row.unseen):
                yield Behind(row, column, method)


def _all_offers(rows: Sequence[Row]) -> Iterator[Check]:
    for row in rows:
        if row.is_api or row.stranger is None or "GET" not in row.doors:
            continue
        view = view_class(address_of(row))
        for column in sorted(EVERYBODY):
            if row.expected(column, "GET") != 200:
                continue
            if isinstance(view, type) and issubclass(view, ListPage):
                yield ListOffers(row, column)
            elif column in DRAWN_FOR and "POST" not in row.doors:
                yield Offers(row, column)


# Between them they may do nothing, read everything, do most of the work, and set things up.
DRAWN_FOR = (Column.EMPLOYEE, Column.AUDITOR, Column.FINANCE, Column.ADMINISTRATOR)
