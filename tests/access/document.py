"""The matrix for auditors: `python -m tests.access.document` brings docs/access.md up to date."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from tests.access.matrix import EVERYBODY, STRANGERS, Column, Columns, Row

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "access.md"
LETTERS = {
    Column.EMPLOYEE: "E",
    Column.OWNER: "O",
    Column.OTHER_OWNER: "o",
    Column.PROGRAMME_LEAD: "L",
    Column.FINANCE: "F",
    Column.APPROVER: "A",
    Column.AUDITOR: "U",
    Column.ADMINISTRATOR: "D",
}
HEAD = """# Who may do what

Made from the access matrix (`tests/access`). Every test run asks every address as several people,
let in and refused; the long run asks it as everybody with every method. Do not edit:
`python -m tests.access.document` writes it, and a test fails while it is out of date.

**O** owns what the row is about, **o** owns another of its kind; **L** programme lead, **F**
finance, **A** approver, **U** auditor, **D** administrator; *all* is everybody signed in, with or
without a role. Django's superuser flag opens nothing. Who is not signed in, or has left, is sent
to the sign-in page (the API answers 401) unless the row says *anybody*. Everybody else is refused
with 403, or with 404 where even that the thing exists is not open to them. A method that is not
listed is answered 405. There is no Django admin (decision 4).
"""


def who(columns: Columns) -> str:
    """The people of a door in a few letters."""
    if columns >= EVERYBODY:
        return "anybody" if columns & STRANGERS else "all"
    if not columns & EVERYBODY:
        return "who is not signed in" if columns else "nobody"
    return " ".join(letter for column, letter in LETTERS.items() if column in columns)


def _line(row: Row, route: str) -> str:
    doors = "; ".join(f"{method} {who(door.to)}" for method, door in row.doors.items())
    refused = {door.refused for door in row.doors.values() if not door.to >= EVERYBODY}
    what = f" ({row.label})" if row.label else ""
    shown = route.replace("|", "\\|")
    codes = " ".join(map(str, sorted(refused)))
    return f"| `/{shown}`{what} | {doors} | {codes} | {row.why} |"


def document(rows: Iterable[Row], routes: dict[str, str]) -> str:
    """The whole of docs/access.md."""
    lines = sorted(_line(row, routes[row.route]) for row in rows)
    table = ["| address | who | others | why |", "|---|---|---|---|", *lines]
    return f"{HEAD}\n" + "\n".join(table) + "\n"


def current() -> str:
    """What it should say now; Django must be set up."""
    from tests.access.routes import addresses
    from tests.access.rows import all_rows

    routes = {address.key: address.route for address in addresses()}
    return document([row for row in all_rows() if row.route in routes], routes)


if __name__ == "__main__":
    import os

    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
    django.setup()
    DOCUMENT.write_text(current(), encoding="utf-8")
