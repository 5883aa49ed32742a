"""What a person may not see stands nowhere: on no page, in no part of one, in no export or answer.

The world marks what only some may see; whoever else opens everything that is open to them must not
meet a mark. The short run opens it all as somebody without a role, the long run as everybody.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.access.asking import Asker
from tests.access.checks import as_list
from tests.access.matrix import EVERYBODY, Column, Columns, only
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


def texts(asker: Asker, column: Column) -> Iterator[tuple[str, str]]:
    """Everything that is open to this person: pages, their fragments, exports, the API."""
    there = {address.key for address in addresses()}
    for row in all_rows():
        if row.route not in there or row.expected(column, "GET") != 200 or "GET" not in row.doors:
            continue
        path = asker.path(row)
        yield row.id, asker.send(column, "GET", path).body
        if not row.is_api:
            yield f"{row.id}, fragment", asker.send(column, "GET", path, headers=FRAGMENT).body
        if (export := as_list(asker, row)) != path:
            yield f"{row.id}, export", asker.send(column, "GET", export).body


def leaks(asker: Asker, column: Column) -> list[str]:
    """Where this person meets what is not for them."""
    hidden = [MARKS[name] for name, to in OPEN_TO.items() if column not in to]
    return [
        f"{where} shows {column} “{mark}”"
        for where, text in texts(asker, column)
        for mark in hidden
        if mark in text
    ]


def test_somebody_without_a_role_meets_nothing_hidden(asker: Asker) -> None:
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
