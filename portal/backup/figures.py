"""Counts and exact sums of every table, by plain SQL that both engines understand.

Tables are those that the database has and not those that models name, so that nothing is left
uncounted. Money is every integer column whose name ends in `_nano`, summed by the table's own
column `currency` where it has one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from portal.backup.manifest import Sum, TableFigures

# Its rows are not part of a backup: a session that was signed out must not come to life again.
SESSIONS = "django_session"
MONEY_SUFFIX = "_nano"
BILLION = 10**9
Query = Callable[[str], Sequence[Sequence[Any]]]


def quoted(name: str) -> str:
    """A table or column name as SQL wants it."""
    return '"' + name.replace('"', '""') + '"'


def count_table(
    query: Query, name: str, columns: Sequence[str], *, digest_sql: str = ""
) -> TableFigures:
    """The figures of one table.

    Args:
        query: runs SQL and returns its rows.
        columns: names of all its columns.
        digest_sql: an aggregate over the row `t`, where the engine has one.
    """
    table = quoted(name)
    digest = f", {digest_sql}" if digest_sql else ""
    # Names come from the database's own catalogue, quoted.
    first = query(f"SELECT count(*){digest} FROM {table} t")[0]  # noqa: S608  (quoted above)
    money = [column for column in columns if column.endswith(MONEY_SUFFIX)]
    return TableFigures(
        rows=int(first[0]),
        digest=str(first[1] or 0) if digest_sql else None,
        sums=_sums(query, table, money, has_currency="currency" in columns) if money else {},
    )


def _sums(
    query: Query, table: str, money: Sequence[str], *, has_currency: bool
) -> dict[str, dict[str, Sum]]:
    """By column and currency. Billions and rest are summed apart: 64 bits overflow otherwise."""
    currency = "currency" if has_currency else "''"
    parts = [
        f"count({column}), sum({column} / {BILLION}), sum({column} % {BILLION})"
        for column in map(quoted, money)
    ]
    rows = query(
        f"SELECT {currency}, {', '.join(parts)} "  # noqa: S608  (names of the catalogue, quoted)
        f"FROM {table} GROUP BY 1 ORDER BY 1"
    )
    found: dict[str, dict[str, Sum]] = {column: {} for column in money}
    for row in rows:
        for index, column in enumerate(money):
            known, billions, rest = row[1 + 3 * index : 4 + 3 * index]
            nano = int(billions or 0) * BILLION + int(rest or 0)
            found[column][str(row[0])] = Sum(known=int(known), nano=str(nano))
    return found
