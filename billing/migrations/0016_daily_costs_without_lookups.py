"""Daily and monthly costs are no longer looked up key by key on PostgreSQL, as cost lines are not.

They are made from allocations and slices, which keep what they point at. SQLite keeps its
constraints: they cost it little, and leaving them out would rebuild both tables.
"""

from importlib import import_module

from django.db import migrations

_of_charges = import_module("billing.migrations.0012_billing_facts_without_lookups")
AlterOnPostgres, _key = _of_charges.AlterOnPostgres, _of_charges._key


class Migration(migrations.Migration):

    dependencies = [("billing", "0015_sources_that_only_look_alike")]

    operations = [
        AlterOnPostgres(
            roll_up, name, _key(to, related_name="+", db_index=False, null=name == "use_case")
        )
        for roll_up in ("dailycost", "monthlycost")
        for name, to in (("use_case", "adoption.usecase"), ("connection", "portal.connection"))
    ]
