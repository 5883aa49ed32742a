"""Staging goes past Django's cursor, and still speaks Django's errors."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import IntegrityError, OperationalError, ProgrammingError, connection, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

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


@pytest.mark.parametrize("rows", [0, 1, 199, 200, 201, 400, 613])
def test_as_many_rows_are_there_as_came(rows: int) -> None:
    table = staging()
    table.load((number, "word") for number in range(rows))
    with connection.cursor() as cursor:
        cursor.execute("SELECT number FROM staged ORDER BY number")
        assert [number for (number,) in cursor.fetchall()] == list(range(rows))


def test_of_rows_that_cannot_be_taken_none_is_there() -> None:
    """Outside a transaction too, where each statement would else be one."""
    table = StagingTable("keyed", {"number": "bigint"}, primary_key=["number"])
    table.create()
    with pytest.raises(IntegrityError):
        table.load([*((number,) for number in range(500)), (7,)])
    with connection.cursor() as cursor:
        cursor.execute("SELECT COUNT(*) FROM keyed")
        assert cursor.fetchone()[0] == 0
    table.drop()


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


KINDS = {
    "number": "integer", "wide": "bigint", "words": "text", "name": "uuid", "day": "date",
    "moment": "datetime", "truth": "boolean",
}  # fmt: skip
_whole = st.integers(-(2**31), 2**31 - 1)
_wide = st.integers(-(2**63), 2**63 - 1)
_words = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=12)
_moments = st.datetimes(
    dt.datetime(1900, 1, 1),  # noqa: DTZ001  (the strategy wants it so)
    dt.datetime(2200, 1, 1),  # noqa: DTZ001
    timezones=st.just(dt.UTC),
)
_days = st.dates(dt.date(1, 1, 1), dt.date(9999, 12, 31))
_row = st.tuples(
    *(st.none() | each for each in (_whole, _wide, _words, st.uuids(), _days, _moments,
                                    st.booleans()))
)  # fmt: skip


@given(rows=st.lists(_row, max_size=20))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_every_kind_of_value_comes_back_as_it_was_given(rows: list[tuple[Any, ...]]) -> None:
    table = StagingTable("kinds", {"place": "bigint", **KINDS})
    table.create()
    table.load((place, *row) for place, row in enumerate(rows))
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM kinds ORDER BY place")
        found = [tuple(row[1:]) for row in cursor.fetchall()]
    table.drop()
    assert found == [tuple(map(stored, KINDS.values(), row)) for row in rows]


def stored(kind: str, value: Any) -> Any:
    """A value as this database gives it back."""
    if connection.vendor == "postgresql" or value is None:
        return value
    if kind == "uuid":
        return value.hex
    return value.replace(tzinfo=None) if kind == "datetime" else value


def test_rows_are_numbered_as_they_come_where_that_is_wanted() -> None:
    table = StagingTable("numbered", {"words": "text"}, counted_by="seq")
    table.create()
    table.load([("one",), ("two",)])
    table.load([("three",)])
    with connection.cursor() as cursor:
        cursor.execute("SELECT words FROM numbered ORDER BY seq")
        assert cursor.fetchall() == [("one",), ("two",), ("three",)]
        cursor.execute("SELECT COUNT(DISTINCT seq) FROM numbered")
        assert cursor.fetchone()[0] == 3
    table.drop()
