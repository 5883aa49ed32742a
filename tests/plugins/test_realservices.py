"""What the surroundings of the tests refuse."""

from __future__ import annotations

import pytest
from django.db import connection


@pytest.mark.django_db
def test_the_database_of_the_tests_cannot_be_opened_as_a_file() -> None:
    if connection.vendor != "sqlite":
        pytest.skip("PostgreSQL's files belong to its server")
    with (
        pytest.raises(RuntimeError, match="ask SQLite, or let another"),
        open(connection.settings_dict["NAME"], "rb"),
    ):
        pass
