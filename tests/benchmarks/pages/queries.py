"""How many queries an answer takes, which are the slowest, and how the database runs those."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from django.core.cache import cache
from django.db import connection
from django.test import Client

from portal.models import User
from tests.benchmarks.pages.bulk import is_postgres

_REPEATS = 3


@dataclass(frozen=True, slots=True)
class Query:
    """One query with its values, as Django sent it."""

    sql: str
    values: Any


@contextmanager
def recorded() -> Iterator[list[Query]]:
    """Every query of the block. `SELECT`s only: nothing else is asked of these pages."""
    found: list[Query] = []

    def record(execute: Callable[..., Any], sql: str, values: Any, many: bool, context: Any) -> Any:
        found.append(Query(sql, values))
        return execute(sql, values, many, context)

    with connection.execute_wrapper(record):
        yield found


def queries_of(reader: User, url: str, **headers: str) -> tuple[list[Query], list[Query]]:
    """The queries of the first answer of a process, and those of any later one."""
    client = Client(SERVER_NAME="127.0.0.1")
    client.force_login(reader)
    cache.clear()
    taken = []
    for _ in range(2):
        with recorded() as found:
            response = client.get(url, headers=headers)
            response.getvalue()  # an export asks while it is read
        assert response.status_code in (200, 304), f"{url}: {response.status_code}"
        taken.append(found)
    return taken[0], taken[1]


def seconds_of(query: Query) -> float:
    """The quickest of a few runs, rows fetched."""
    best = float("inf")
    for _ in range(_REPEATS):
        with connection.cursor() as cursor:
            started = time.perf_counter()
            cursor.execute(query.sql, query.values)
            cursor.fetchall()
            best = min(best, time.perf_counter() - started)
    return best


def plan_of(query: Query) -> list[str]:
    """`EXPLAIN ANALYZE` on PostgreSQL, `EXPLAIN QUERY PLAN` on SQLite, a line a step."""
    how = "EXPLAIN (ANALYZE, COSTS OFF, BUFFERS OFF) " if is_postgres() else "EXPLAIN QUERY PLAN "
    with connection.cursor() as cursor:
        cursor.execute(how + query.sql, query.values)
        return [str(row[-1]) for row in cursor.fetchall()]
