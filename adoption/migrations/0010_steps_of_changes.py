"""The index of `Change.part_of` holds steps only.

Most changes are no step of another, and without statistics SQLite took the index of the nulls for
the best way into the table. Altering the field would make SQLite copy the table, and its audit
triggers would be lost with the old one; so the index alone is exchanged.
"""

import django.db.models.deletion
from django.db import migrations, models

INDEX = models.Index(
    fields=['part_of'],
    name='adoption_change_steps',
    condition=models.Q(part_of__isnull=False),
)


def _whole_index(schema_editor, model):
    """The name of the index that Django made for the foreign key, or None."""
    with schema_editor.connection.cursor() as cursor:
        found = schema_editor.connection.introspection.get_constraints(cursor, model._meta.db_table)
    for name, facts in found.items():
        if facts['columns'] == ['part_of_id'] and facts['index'] and name != INDEX.name:
            return name
    return None


def steps_only(apps, schema_editor):
    model = apps.get_model('adoption', 'change')
    name = _whole_index(schema_editor, model)
    if name is not None:
        schema_editor.execute(f'DROP INDEX {schema_editor.quote_name(name)}')


def all_changes(apps, schema_editor):
    model = apps.get_model('adoption', 'change')
    if _whole_index(schema_editor, model) is None:
        schema_editor.execute(schema_editor._create_index_sql(model, fields=[model._meta.get_field('part_of')]))


class Migration(migrations.Migration):

    dependencies = [('adoption', '0009_november')]

    operations = [
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.AlterField(
                    model_name='change',
                    name='part_of',
                    field=models.ForeignKey(
                        blank=True,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name='parts',
                        to='adoption.change',
                    ),
                ),
            ],
            database_operations=[migrations.RunPython(steps_only, all_changes)],
        ),
        migrations.AddIndex(model_name='change', index=INDEX),
    ]
