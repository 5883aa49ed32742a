"""The monthly roll-up: what its days add up to, kept in step with them or summed anew."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date
from typing import Any

from django.db import connection

from portal.imports.staging import StagingTable
from portal.shell.money import NANO_PER_UNIT
from portal.shell.periods import Month

# What the daily costs of a month are summed by, beside its use case, which may be none: then 0.
_KEY = (
    *("provider", "service_name", "model", "cost_center", "charge_category"),
    *("currency", "cost_basis", "unallocated_reason"),
)
# Each the sum of its days, so it moves by what they move. Whole units and the rest apart: in some
# currencies a month's nano-units pass 64 bits.
_SUMS = {
    "billed_whole": f"d.billed_nano / {NANO_PER_UNIT}",
    "billed_part": f"d.billed_nano %% {NANO_PER_UNIT}",
    "effective_whole": f"d.effective_nano / {NANO_PER_UNIT}",
    "effective_part": f"d.effective_nano %% {NANO_PER_UNIT}",
    **{
        name: f"d.{name}"
        for name in ("effective_unknown", "charges", "uninvoiced", "restated", "closed")
    },
}
# Each the largest of its days: it can grow by one day alone, and shrink by reading all of them.
_LARGEST = {"newest_day": "d.day", "changed_at": "d.changed_at"}
_COLUMNS = ("day", "use_case_id", "connection_id", *_KEY, *_SUMS, *_LARGEST)
_IDENTITY = {"day": "date", "use_case": "bigint", **dict.fromkeys(_KEY, "text")}
_LARGEST_KINDS = {"newest_day": "date", "changed_at": "datetime"}
_BEFORE, _AFTER = (
    {f"{when}_{name}": kind for name, kind in _LARGEST_KINDS.items()} for when in ("old", "new")
)
_MOVED_COLUMNS = {**_IDENTITY, **dict.fromkeys(_SUMS, "bigint"), **_BEFORE, **_AFTER}
_CHANGE_COLUMNS = {**_MOVED_COLUMNS, "month_id": "bigint", "is_anew": "boolean"}


def _listed(*names: str) -> str:
    return ", ".join(names)


def _key_of(table: str) -> str:
    return _listed(f"COALESCE({table}.use_case_id, 0)", *(f"{table}.{name}" for name in _KEY))


# A day as it is now, taken away before it is written anew and added afterwards.
_NOTE = f"""
INSERT INTO moved_cost ({_listed(*_IDENTITY, *_SUMS)}, {{largest}})
SELECT m.first_day, {_key_of("d")}, {{sums}}, {_listed(*_LARGEST.values())}
FROM touched_month m
JOIN billing_dailycost d
  ON d.connection_id = %s AND d.day >= m.first_day AND d.day < m.next_month
WHERE d.day IN (SELECT day FROM touched_day)
"""  # noqa: S608  (names of our own)
_NOTE_BEFORE = _NOTE.format(
    sums=_listed(*(f"-({value})" for value in _SUMS.values())), largest=_listed(*_BEFORE)
)
_NOTE_AFTER = _NOTE.format(sums=_listed(*_SUMS.values()), largest=_listed(*_AFTER))


def _shrinks(name: str) -> str:
    return f"(old_{name} IS NOT NULL AND (new_{name} IS NULL OR new_{name} < old_{name}))"


def _moved(name: str) -> str:
    return f"{name} = billing_monthlycost.{name} + c.{name}"


def _larger(name: str) -> str:
    return (
        f"{name} = CASE WHEN billing_monthlycost.{name} > c.new_{name} "
        f"THEN billing_monthlycost.{name} ELSE c.new_{name} END"
    )


# A row of the month that is missing although a day was in it is summed anew as well.
_ADD_UP = f"""
INSERT INTO month_change ({_listed(*_CHANGE_COLUMNS)})
SELECT {_listed(*(f"g.{name}" for name in _MOVED_COLUMNS))}, o.id,
       {" OR ".join(map(_shrinks, _LARGEST))} OR (o.id IS NULL AND old_newest_day IS NOT NULL)
FROM (
    SELECT {_listed(*_IDENTITY)},
           {_listed(*(f"SUM({name}) AS {name}" for name in _SUMS))},
           {_listed(*(f"MAX({name}) AS {name}" for name in (*_BEFORE, *_AFTER)))}
    FROM moved_cost GROUP BY {_listed(*_IDENTITY)}
) g
LEFT JOIN billing_monthlycost o
  ON o.connection_id = %s AND o.day = g.day AND COALESCE(o.use_case_id, 0) = g.use_case
  AND {" AND ".join(f"o.{name} = g.{name}" for name in _KEY)}
"""  # noqa: S608  (names of our own)
_MOVE = f"""
UPDATE billing_monthlycost SET {_listed(*map(_moved, _SUMS), *map(_larger, _LARGEST))}
FROM month_change c
WHERE billing_monthlycost.id = c.month_id AND NOT c.is_anew
"""  # noqa: S608  (names of our own)
_BEGIN = f"""
INSERT INTO billing_monthlycost ({_listed(*_COLUMNS)})
SELECT day, NULLIF(use_case, 0), CAST(%s AS bigint), {_listed(*_KEY, *_SUMS)}, {_listed(*_AFTER)}
FROM month_change WHERE month_id IS NULL AND NOT is_anew
"""  # noqa: S608  (names of our own)
_FORGET_ANEW = """
DELETE FROM billing_monthlycost
WHERE id IN (SELECT month_id FROM month_change WHERE is_anew)
"""
_FORGET_WHOLE = """
DELETE FROM billing_monthlycost
WHERE connection_id = %s AND day IN (SELECT first_day FROM touched_month)
"""
_SUM_ANEW = f"""
INSERT INTO billing_monthlycost ({_listed(*_COLUMNS)})
SELECT m.first_day, d.use_case_id, d.connection_id, {_listed(*(f"d.{name}" for name in _KEY))},
       {_listed(*(f"CAST(SUM({value}) AS bigint)" for value in _SUMS.values()))},
       {_listed(*(f"MAX({value})" for value in _LARGEST.values()))}
FROM touched_month m
JOIN billing_dailycost d
  ON d.connection_id = %s AND d.day >= m.first_day AND d.day < m.next_month
WHERE {{condition}}
GROUP BY m.first_day, d.use_case_id, d.connection_id, {_listed(*(f"d.{name}" for name in _KEY))}
"""  # noqa: S608  (names of our own)
# `IS TRUE`: PostgreSQL would else join, expecting a single row, and compare all with all.
_IS_CHANGED = f"""
((m.first_day, {_key_of("d")}) IN (SELECT {_listed(*_IDENTITY)} FROM month_change WHERE is_anew))
IS TRUE
"""  # noqa: S608  (names of our own)
_SUM_CHANGED = _SUM_ANEW.format(condition=_IS_CHANGED)
_SUM_WHOLE = _SUM_ANEW.format(condition="1 = 1")
# In order, so that two imports of one connection wait for each other and never both.
_COUNT_WRITES = """
INSERT INTO billing_monthlywrite (connection_id, day, writes)
SELECT CAST(%s AS bigint), first_day, 1 FROM touched_month WHERE 1 = 1 ORDER BY first_day
ON CONFLICT (connection_id, day) DO UPDATE SET writes = billing_monthlywrite.writes + 1
"""


def _staged_months(months: Collection[Month]) -> StagingTable:
    table = StagingTable(
        "touched_month", {"first_day": "date", "next_month": "date"}, primary_key=["first_day"]
    )
    table.create()
    table.load((month.start, month.end) for month in sorted(months))
    return table


class MonthsInStep:
    """Moves the monthly costs of one connection by what some of its days move.

    Make it before the days (UTC) are written anew, in the same transaction, with the days staged
    as `touched_day`; call `follow` after it.

    Sums move by the difference of their days, in whole numbers, so the outcome is the same as if
    the month were summed anew. What can shrink only by reading the whole month is summed anew:
    costs whose newest day or newest change was one of these days and is no more.
    """

    def __init__(self, cursor: Any, *, connection_id: int, days: Collection[date]) -> None:
        self._cursor = cursor
        self._connection_id = connection_id
        self._moved = StagingTable("moved_cost", _MOVED_COLUMNS)
        self._changes = StagingTable("month_change", _CHANGE_COLUMNS)
        self._months = _staged_months({Month.of(day) for day in days})
        self._moved.create()
        self._changes.create()
        cursor.execute(_NOTE_BEFORE, [connection_id])

    def follow(self) -> None:
        """Write the months. Counts the write, which is what kept answers are held against."""
        cursor, ours = self._cursor, [self._connection_id]
        cursor.execute(_NOTE_AFTER, ours)
        cursor.execute(_ADD_UP, ours)
        self._changes.analyze()
        cursor.execute(_MOVE)
        cursor.execute(_BEGIN, ours)
        cursor.execute(_FORGET_ANEW)
        cursor.execute("SELECT 1 FROM month_change WHERE is_anew LIMIT 1")
        if cursor.fetchone():
            cursor.execute(_SUM_CHANGED, ours)
        cursor.execute(_COUNT_WRITES, ours)
        for table in (self._moved, self._changes, self._months):
            table.drop()


def refresh_monthly_costs(*, connection_id: int, months: Collection[Month]) -> None:
    """Rewrite the monthly costs of one connection for `months` (UTC) from its daily costs.

    `refresh_daily_costs` keeps them in step with what it writes; in the same transaction, so that
    a month never tells another sum than its days.
    """
    staged = _staged_months(months)
    with connection.cursor() as cursor:
        for statement in (_FORGET_WHOLE, _SUM_WHOLE, _COUNT_WRITES):
            cursor.execute(statement, [connection_id])
    staged.drop()
