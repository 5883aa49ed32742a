"""What the allocation of an import tells the database that it is about to join."""

from __future__ import annotations

import json

import pytest
from django.db import connection

from billing.models import ChargeSlice
from billing.services.allocations import written_by
from portal.imports.staging import StagingTable
from tests.imports import line, make_connection, run_import

pytestmark = [pytest.mark.both_engines, pytest.mark.django_db]
LINES = 1_500


def test_postgres_expects_many_lines_of_a_run_that_it_has_no_statistics_of(engine: str) -> None:
    """Expecting one, it compared all lines of a second import with all dimensions, pair by pair."""
    if engine != "postgres":
        pytest.skip("SQLite plans by its indexes")
    run = run_import(make_connection(), [line(cost=f"{n}.5") for n in range(LINES)])
    places = StagingTable("slice_place", {"number": "integer", "slice_id": "bigint"})
    places.create()
    places.load(list(enumerate(ChargeSlice.objects.values_list("pk", flat=True))))
    places.analyze()
    known, unknown = written_by(run.pk), written_by(run.pk + 1)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE billing_charge")
        for targets in (known, unknown):
            query = targets.within("EXPLAIN (FORMAT JSON) SELECT 1 FROM {found} WHERE {condition}")
            cursor.execute(query, targets.parameters)
            (told,) = cursor.fetchone()
            plan = json.loads(told) if isinstance(told, str) else told
            assert plan[0]["Plan"]["Plan Rows"] == pytest.approx(LINES, rel=0.1)
    places.drop()
