"""What cost lines, quantities and allocations point at cannot be deleted, whoever tries and on both
engines."""

from __future__ import annotations

import pytest
from django.db import DatabaseError, connection, transaction
from django.db.models import ProtectedError

from adoption.models import UseCase
from billing.fact_guards import FACT_LOCK
from billing.models import (
    Allocation,
    AllocationRule,
    Charge,
    ChargeDimension,
    ChargeSlice,
    Usage,
    UsageDimension,
    UsageSlice,
)
from portal.approvals.triggers import guards
from portal.models import ImportFile, ImportRun
from tests.adoption.factories import make_use_case
from tests.billing.factories import give_all
from tests.billing.services.quantities import bring, quantity
from tests.imports import line, make_connection, run_import

pytestmark = [pytest.mark.both_engines, pytest.mark.django_db]
POINTED_AT = {
    "billing_chargeslice": (ChargeSlice, "charge_slice_kept"),
    "billing_chargedimension": (ChargeDimension, "charge_dimension_kept"),
    "portal_importrun": (ImportRun, "charge_run_kept"),
    "portal_importfile": (ImportFile, "charge_file_kept"),
    "billing_usageslice": (UsageSlice, "usage_slice_kept"),
    "billing_usagedimension": (UsageDimension, "usage_dimension_kept"),
    "billing_charge": (Charge, "charge_kept"),
    "adoption_usecase": (UseCase, "allocation_use_case_kept"),
}
OF_QUANTITIES = {
    *("billing_usageslice", "billing_usagedimension", "portal_importrun", "portal_importfile"),
}


@pytest.fixture
def _bill() -> None:
    give_all(make_use_case())
    connection = make_connection()
    run_import(connection, [line(3, "1")])
    assert Allocation.objects.get().use_case_id is not None
    bring(connection, [quantity()])


@pytest.mark.usefixtures("_bill")
def test_the_database_keeps_everything_that_facts_point_at() -> None:
    for table, (model, key) in POINTED_AT.items():
        with pytest.raises(ProtectedError):
            model._default_manager.all().delete()
        with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(f"DELETE FROM {table}")  # noqa: S608  (names of our own)
        assert model._default_manager.exists(), table
        assert guards.get(key).table == table


@pytest.mark.parametrize("table", sorted(OF_QUANTITIES))
def test_quantities_alone_keep_what_they_point_at(table: str) -> None:
    bring(make_connection(), [quantity()])
    with (
        pytest.raises(DatabaseError, match="quantities point at it"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(f"DELETE FROM {table}")  # noqa: S608  (names of our own)


@pytest.mark.usefixtures("_bill")
def test_facts_point_at_nothing_that_is_not_there() -> None:
    """The other half of a foreign key: rows are made by joining what they point at."""
    for fact, names in (
        (Charge, ("slice", "dimension", "run", "file")),
        (Usage, ("slice", "dimension", "run", "file")),
        (Allocation, ("charge", "rule", "use_case")),
    ):
        for name in names:
            field = fact._meta.get_field(name)
            target = field.related_model
            assert target is not None
            known = target._default_manager.values("pk")
            lost = fact.objects.exclude(**{f"{name}__isnull": True})
            assert not lost.exclude(**{f"{name}_id__in": known}).exists(), f"{fact} {name}"


def test_every_table_that_facts_point_at_is_guarded_by_the_lock() -> None:
    """Rules are never deleted at all, so they need none."""
    for fact in (Charge, Usage, Allocation):
        for field in fact._meta.get_fields():
            target = field.related_model
            if not getattr(field, "many_to_one", False) or not isinstance(target, type):
                continue
            kept = [
                guard
                for guard in guards
                if guard.event == "DELETE" and guard.table == target._meta.db_table
            ]
            assert any(guard.lock == FACT_LOCK for guard in kept) or target is AllocationRule
    assert {guard.table for guard in guards if guard.lock == FACT_LOCK} >= {
        UseCase._meta.db_table,
        ChargeDimension._meta.db_table,
    }
