"""Charges in one table beside charges in a table a month, asked what imports and pages ask.

    python3 quickstart.py test --db postgres -m benchmark tests/benchmarks/test_partitions.py -s

`PLUMBLINE_BENCHMARK_CHARGES` says how many charges of a year (1 000 000). Both layouts hold the
same rows under the same indexes, but for the key: of a partitioned table it holds the day. Nothing
is asserted about time, that both say the same is. `docs/decisions/0006` rests on these figures.
"""

from __future__ import annotations

import datetime as dt
import statistics
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection, transaction

from portal.shell.periods import Month
from tests.benchmarks.pages import bulk
from tests.benchmarks.pages.sizes import Calendar
from tests.benchmarks.test_rollups import filled, say

pytestmark = [pytest.mark.benchmark, pytest.mark.django_db(transaction=True)]
MONTHS_BEFORE = 24  # empty ones: a portal is not a year old for ever
ONE, MANY = "benchmark_one", "benchmark_months"
ROUNDS = 5

# Of an import of a day that is restated: its lines come again, and the old ones are superseded.
WRITE = "INSERT INTO {table} SELECT * FROM fresh_line"
SUPERSEDE = "UPDATE {table} SET superseded_at = now() WHERE id IN (SELECT id FROM old_line)"
SUPERSEDE_BY_DAY = f"{SUPERSEDE} AND day = (SELECT MIN(day) FROM old_line)"  # noqa: S608  (names of our own)
# What the roll-up of a touched day adds up.
OF_SLICES = """
SELECT c.slice_id, c.dimension_id, a.use_case_id, SUM(a.billed_nano), COUNT(*)
FROM billing_chargeslice t JOIN {table} c ON c.slice_id = t.id
JOIN billing_allocation a ON a.charge_id = c.id
WHERE t.day = (SELECT MIN(day) FROM old_line) AND c.superseded_at IS NULL
GROUP BY 1, 2, 3
"""
# The lines of a figure: those of the heaviest use case in a month, by the key of the line.
OF_FIGURE = """
SELECT c.id, c.dimension_id, c.billed_nano, a.billed_nano
FROM billing_allocation a JOIN {table} c ON c.id = a.charge_id
WHERE a.use_case_id = %s AND a.day >= %s AND a.day < %s AND c.superseded_at IS NULL{more}
ORDER BY c.id
"""
BY_DAY = " AND c.day >= %s AND c.day < %s"
OF_MONTH = """
SELECT c.day, SUM(c.billed_nano), COUNT(*) FROM {table} c
WHERE c.day >= %s AND c.day < %s AND c.superseded_at IS NULL GROUP BY c.day
"""
A_LINE = "SELECT * FROM {table} WHERE id = %s"


@pytest.fixture
def emptied() -> Iterator[None]:
    """Leave nothing behind."""
    yield
    for table in (ONE, MANY):
        bulk.execute(f"DROP TABLE IF EXISTS {table}")
    bulk.forget_everything()


def test_one_table_beside_a_table_a_month(emptied: None, engine: str) -> None:
    if engine != "postgres":
        pytest.skip("SQLite has no partitions")
    calendar = Calendar(dt.datetime.now(dt.UTC).date())
    filled(calendar)
    month = Month.of(calendar.today) - 2
    lay_out(calendar)
    lines = stage_a_day(month.start)
    say(f"{lines:,} lines of one day; {len(months(calendar))} months; milliseconds, medians")
    heaviest = bulk.fetch(
        "SELECT use_case_id FROM billing_allocation WHERE use_case_id IS NOT NULL "
        "GROUP BY 1 ORDER BY COUNT(*) DESC, 1 LIMIT 1"
    )[0][0]
    bounds = [month.start, month.end]
    figure = [heaviest, *bounds]
    compare("write the lines of a day", WRITE, takes_back=True)
    compare("supersede the lines of a day", SUPERSEDE, takes_back=True)
    compare("  with the day beside the key", SUPERSEDE_BY_DAY, takes_back=True)
    compare("what a day's roll-up adds up", OF_SLICES)
    compare("lines of a month's figure", OF_FIGURE.replace("{more}", ""), figure)
    compare("  with the day beside the key", OF_FIGURE.replace("{more}", BY_DAY), figure + bounds)
    compare("sums of a month from lines", OF_MONTH, bounds)
    compare("one line by its number", A_LINE, [bulk.fetch("SELECT MIN(id) FROM old_line")[0][0]])


def months(calendar: Calendar) -> list[Month]:
    first, last = Month.of(calendar.start) - MONTHS_BEFORE, Month.of(calendar.today)
    found = [first]
    while found[-1] != last:
        found.append(found[-1] + 1)
    return found


def lay_out(calendar: Calendar) -> None:
    """Both tables with all charges, under the indexes that charges have."""
    bulk.execute(f"CREATE TABLE {ONE} (LIKE billing_charge)")
    bulk.execute(f"CREATE TABLE {MANY} (LIKE billing_charge) PARTITION BY RANGE (day)")
    for number, month in enumerate(months(calendar)):
        bulk.execute(
            f"CREATE TABLE {MANY}_{number} PARTITION OF {MANY} "
            f"FOR VALUES FROM ('{month.start}') TO ('{month.end}')"
        )
    for table, key in ((ONE, "id"), (MANY, "id, day")):
        bulk.execute(f"INSERT INTO {table} SELECT * FROM billing_charge ORDER BY id")  # noqa: S608  (names of our own)
        bulk.execute(f"ALTER TABLE {table} ADD PRIMARY KEY ({key})")
        for column in ("slice_id", "day"):
            bulk.execute(f"CREATE INDEX ON {table} ({column})")
    connection.close()  # what stands in a transaction cannot be vacuumed
    bulk.execute(f"VACUUM (ANALYZE) {ONE}")
    bulk.execute(f"VACUUM (ANALYZE) {MANY}")


def stage_a_day(day: dt.date) -> int:
    """The live lines of a day, and the same with other numbers, as an import holds them."""
    bulk.execute("CREATE TEMPORARY TABLE old_line (id bigint PRIMARY KEY, day date)")
    bulk.execute(
        "INSERT INTO old_line SELECT id, day FROM billing_charge "
        "WHERE day = %s AND superseded_at IS NULL",
        [day],
    )
    bulk.execute("CREATE TEMPORARY TABLE fresh_line (LIKE billing_charge)")
    bulk.execute(
        "INSERT INTO fresh_line SELECT * FROM billing_charge WHERE id IN (SELECT id FROM old_line)"
    )
    bulk.execute("UPDATE fresh_line SET id = id + 1000000000")
    bulk.execute("ANALYZE old_line")
    bulk.execute("ANALYZE fresh_line")
    return int(bulk.fetch("SELECT COUNT(*) FROM old_line")[0][0])


def compare(
    what: str, sql: str, parameters: list[Any] | None = None, *, takes_back: bool = False
) -> None:
    """Run a statement on both in turn; prints what planning and running took."""
    taken: dict[str, list[tuple[float, float]]] = {ONE: [], MANY: []}
    answers = []
    for turn in range(ROUNDS + 1):
        for table, found in taken.items():
            statement = sql.replace("{table}", table)
            if turn == 0:
                if not takes_back:
                    answers.append(sorted(bulk.fetch(statement, parameters or []), key=str))
                continue
            found.append(planned_and_run(statement, parameters or []))
    assert all(answer == answers[0] and answer for answer in answers), what
    one, many = (
        tuple(map(statistics.median, zip(*found, strict=True))) for found in taken.values()
    )
    say(
        f"{what:<32} one table {one[1]:9.2f} (planned in {one[0]:5.2f})   "
        f"by month {many[1]:9.2f} (planned in {many[0]:5.2f})   "
        f"ratio {sum(many) / sum(one):5.2f}"
    )


def planned_and_run(statement: str, parameters: list[Any]) -> tuple[float, float]:
    """Milliseconds that the database planned and worked; what was written is taken back."""
    with transaction.atomic():
        rows = bulk.fetch(f"EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) {statement}", parameters)
        transaction.set_rollback(True)
    plan = rows[0][0][0]
    return plan["Planning Time"], plan["Execution Time"]
