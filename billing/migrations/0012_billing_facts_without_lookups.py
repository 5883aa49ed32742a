"""Cost lines and allocations are no longer looked up key by key on PostgreSQL.

What they point at is kept by guards (`billing/fact_guards.py`). SQLite keeps its constraints: they
cost it little, and leaving them out would rebuild both tables.
"""

import django.db.models.deletion
from django.db import migrations, models


class AlterOnPostgres(migrations.AlterField):
    """Changes the state everywhere, the table on PostgreSQL only."""

    def database_forwards(self, app_label, schema_editor, from_state, to_state):
        if schema_editor.connection.vendor == "postgresql":
            super().database_forwards(app_label, schema_editor, from_state, to_state)

    def database_backwards(self, app_label, schema_editor, from_state, to_state):
        if schema_editor.connection.vendor == "postgresql":
            super().database_backwards(app_label, schema_editor, from_state, to_state)


def _key(to, **options):
    return models.ForeignKey(
        to=to, on_delete=django.db.models.deletion.PROTECT, db_constraint=False, **options
    )


class Migration(migrations.Migration):

    dependencies = [
        ("billing", "0011_budgets_forecasts_anomalies_breakers"),
        ("adoption", "0009_november"),
        ("portal", "0009_notice_settings"),
    ]

    operations = [
        AlterOnPostgres("charge", "slice", _key("billing.chargeslice", related_name="charges")),
        AlterOnPostgres(
            "charge", "dimension",
            _key("billing.chargedimension", related_name="charges", db_index=False),
        ),
        AlterOnPostgres(
            "charge", "run", _key("portal.importrun", related_name="charges", db_index=False)
        ),
        AlterOnPostgres(
            "charge", "file", _key("portal.importfile", related_name="charges", db_index=False)
        ),
        AlterOnPostgres(
            "allocation", "charge", _key("billing.charge", related_name="allocations")
        ),
        AlterOnPostgres(
            "allocation", "rule",
            _key(
                "billing.allocationrule", null=True, related_name="allocations", db_index=False
            ),
        ),
        AlterOnPostgres(
            "allocation", "use_case",
            _key("adoption.usecase", null=True, related_name="+", db_index=False),
        ),
    ]
