"""What a person may not see stands nowhere: on no page, in no part of one, in no export or answer.

The world marks what only some may see; whoever else opens everything that is open to them must not
meet a mark. The short run opens every address as somebody without a role, as a page, a part of one
or an export by turn; a sweep opens it all, the long run as everybody.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from zlib import crc32

import pytest

from tests.access.asking import Asker
from tests.access.checks import as_list
from tests.access.matrix import EVERYBODY, Column, Columns, Row, only
from tests.access.routes import addresses
from tests.access.rows import all_rows
from tests.access.rows.billing import SEE_LINES
from tests.access.rows.portal import SEE_IMPORTS
from tests.access.world import MARKS

pytestmark = pytest.mark.django_db

# Mark → who may meet it. Names of authors and messages are for the person themself alone.
OPEN_TO: dict[str, Columns] = {
    "raw row": SEE_IMPORTS,
    "cost line": SEE_LINES,
    "author": only(Column.OTHER_OWNER),
    "message": only(Column.OTHER_OWNER),
}
FRAGMENT = {"HX-Request": "true"}
Look = tuple[str, str, dict[str, str]]  # as what, at which address, with which headers
Ways = Callable[[Row, list[Look]], list[Look]]


def every_way(_row: Row, looks: list[Look]) -> list[Look]:
    """Whatever there is."""
    return looks


def one_way(row: Row, looks: list[Look]) -> list[Look]:
    """One of them, by the name of the row: the same in every run."""
    return [looks[crc32(row.id.encode()) % len(looks)]]


def texts(asker: Asker, column: Column, ways: Ways = every_way) -> Iterator[tuple[str, str]]:
    """Everything that is open to this person: pages, their fragments, exports, the API."""
    there = {address.key for address in addresses()}
    for row in all_rows():
        if row.route not in there or row.expected(column, "GET") != 200 or "GET" not in row.doors:
            continue
        path = asker.path(row)
        open_to_them: list[Look] = [("page", path, {})]
        if not row.is_api:
            open_to_them.append(("fragment", path, FRAGMENT))
        if (export := as_list(asker, row)) != path:
            open_to_them.append(("export", export, {}))
        for what, address, headers in ways(row, open_to_them):
            yield f"{row.id}, {what}", asker.send(column, "GET", address, headers=headers).body


def leaks(asker: Asker, column: Column, ways: Ways = every_way) -> list[str]:
    """Where this person meets what is not for them."""
    hidden = [MARKS[name] for name, to in OPEN_TO.items() if column not in to]
    return [
        f"{where} shows {column} “{mark}”"
        for where, text in texts(asker, column, ways)
        for mark in hidden
        if mark in text
    ]


def test_somebody_without_a_role_meets_nothing_hidden(asker: Asker) -> None:
    """At any address, each looked at in one way."""
    assert leaks(asker, Column.EMPLOYEE, one_way) == []


@pytest.mark.sweep
def test_somebody_without_a_role_meets_nothing_hidden_whatever_way_they_look(asker: Asker) -> None:
    assert leaks(asker, Column.EMPLOYEE) == []


def test_the_marks_are_there_for_whoever_may_see_them(asker: Asker) -> None:
    pages = {
        "raw row": ("rejected-row", Column.FINANCE),
        "cost line": ("charge", Column.AUDITOR),
    }
    rows = {row.route: row for row in all_rows()}
    for name, (route, column) in pages.items():
        assert MARKS[name] in asker.send(column, "GET", asker.path(rows[route])).body, name


@pytest.mark.prove
@pytest.mark.parametrize("column", sorted(EVERYBODY))
def test_nobody_meets_what_is_hidden_from_them(asker: Asker, column: Column) -> None:
    assert leaks(asker, column) == []
