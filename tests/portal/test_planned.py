"""Queries that are planned once for a connection."""

from __future__ import annotations

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from portal.planned import ask_planned

pytestmark = [pytest.mark.both_engines, pytest.mark.django_db(transaction=True)]
QUERY = "SELECT (SELECT COUNT(*) FROM portal_user WHERE username = %s), (SELECT %s + 1)"


def prepares(captured: CaptureQueriesContext) -> int:
    return sum(each["sql"].startswith("PREPARE") for each in captured)


def test_it_answers_as_the_query_does_and_is_planned_once_a_connection() -> None:
    is_postgres = connection.vendor == "postgresql"
    connection.close()
    with CaptureQueriesContext(connection) as captured:
        assert ask_planned(QUERY, ["o'brien %s {0} $1", 4]) == (0, 5)
        assert ask_planned(QUERY, ["nobody", 6]) == (0, 7)
    assert prepares(captured) == int(is_postgres)
    connection.close()  # what a new connection does not know is made again
    with CaptureQueriesContext(connection) as captured:
        assert ask_planned(QUERY, ["nobody", 7]) == (0, 8)
    assert prepares(captured) == int(is_postgres)


def test_a_transaction_that_is_rolled_back_takes_nothing_away() -> None:
    connection.close()
    with transaction.atomic():
        assert ask_planned(QUERY, ["nobody", 1]) == (0, 2)
        transaction.set_rollback(True)
    assert ask_planned(QUERY, ["nobody", 2]) == (0, 3)
