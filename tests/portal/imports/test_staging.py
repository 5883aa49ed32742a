"""Staging goes past Django's cursor, and still speaks Django's errors."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import OperationalError, ProgrammingError, connection, transaction

from portal.imports.staging import StagingTable, analyze_if_doubled

pytestmark = [pytest.mark.both_engines, pytest.mark.django_db(transaction=True)]


def staging() -> StagingTable:
    table = StagingTable("staged", {"number": "bigint", "words": "text"})
    table.create()
    return table


def test_rows_are_there_as_they_came() -> None:
    table = staging()
    table.load([(1, "one"), (-(2**63), "")])
    with connection.cursor() as cursor:
        cursor.execute("SELECT number, words FROM staged ORDER BY number")
        assert cursor.fetchall() == [(-(2**63), ""), (1, "one")]


def test_a_table_that_is_not_there_is_djangos_error() -> None:
    with pytest.raises((ProgrammingError, OperationalError)):
        StagingTable("never_made", {"number": "bigint"}).load([(1,)])


class CuttingRows(list[tuple[int, str]]):
    """Rows in the middle of which the database ends the session."""

    def __iter__(self) -> Iterator[Any]:
        for place, row in enumerate(super().__iter__()):
            if place == 5_000:
                terminate(connection.connection.info.backend_pid)
            yield row


def terminate(pid: int) -> None:
    other = connection.copy()
    try:
        with other.cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(%s)", [pid])
    finally:
        other.close()


def test_a_session_that_ends_within_a_copy_is_a_lost_database(engine: str) -> None:
    if engine != "postgres":
        pytest.skip("SQLite is a file: nobody cuts a session off")
    table = staging()
    with pytest.raises(OperationalError):
        table.load(CuttingRows((n, "word" * 50) for n in range(100_000)))
    connection.close()


def test_the_planner_learns_of_rows_that_double_a_table_and_of_no_fewer(engine: str) -> None:
    if engine != "postgres":
        pytest.skip("SQLite plans by its indexes")
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("CREATE TABLE grown (number bigint)")
        cursor.execute("INSERT INTO grown SELECT generate_series(1, 5000)")
        analyze_if_doubled(["grown"], rows=999)
        assert known_rows() < 0  # never looked at
        analyze_if_doubled(["grown"], rows=5000)
        assert known_rows() == 5000
        cursor.execute("INSERT INTO grown SELECT generate_series(1, 2000)")
        analyze_if_doubled(["grown"], rows=2000)
        assert known_rows() == 5000
        transaction.set_rollback(True)


def known_rows() -> float:
    with connection.cursor() as cursor:
        cursor.execute("SELECT reltuples FROM pg_class WHERE relname = 'grown'")
        return float(cursor.fetchone()[0])
