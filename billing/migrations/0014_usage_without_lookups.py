"""Quantities are no longer looked up key by key on PostgreSQL, as cost lines are not.

What they point at is kept by guards (`billing/fact_guards.py`). SQLite keeps its constraints: they
cost it little, and leaving them out would rebuild the table.
"""

from importlib import import_module

from django.db import migrations

_of_charges = import_module("billing.migrations.0012_billing_facts_without_lookups")
AlterOnPostgres, _key = _of_charges.AlterOnPostgres, _of_charges._key


class Migration(migrations.Migration):

    dependencies = [("billing", "0013_monthly_writes")]

    operations = [
        AlterOnPostgres("usage", "slice", _key("billing.usageslice", related_name="usage")),
        AlterOnPostgres(
            "usage", "dimension",
            _key("billing.usagedimension", related_name="usage", db_index=False),
        ),
        AlterOnPostgres(
            "usage", "run", _key("portal.importrun", related_name="+", db_index=False)
        ),
        AlterOnPostgres(
            "usage", "file", _key("portal.importfile", related_name="+", db_index=False)
        ),
    ]
