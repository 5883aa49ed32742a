"""Which tables are governed: every write to one is recorded by a trigger.

Rooms name theirs in `registrations`. Bulk tables (charges, allocations, roll-ups) are not
governed row by row: their import run is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.apps import apps
from django.core.checks import CheckMessage, Error
from django.core.exceptions import FieldDoesNotExist
from django.db import models

from portal.registry import Registry

AUDIT_TABLES = frozenset(
    {"portal_auditevent", "portal_auditname", "portal_auditpersonal", "portal_auditseal"}
)


@dataclass(frozen=True, slots=True)
class GovernedTable:
    """One governed table. Columns are given by the names of their fields.

    Attributes:
        key: label of the model, `app.Model`.
        personal: kept outside the event, erasable; the event says only that there was a value.
        hidden: never recorded, only that they were set or changed.
        ignored: noise; a change of these alone records nothing.
        person: the column with the id of the person whom `personal` describes.
    """

    key: str
    personal: tuple[str, ...] = ()
    hidden: tuple[str, ...] = ()
    ignored: tuple[str, ...] = ()
    person: str = ""

    @property
    def model(self) -> type[models.Model]:
        """The model, tables that Django makes by itself included.

        Raises:
            LookupError: there is none.
        """
        wanted = self.key.lower()
        for model in apps.get_models(include_auto_created=True):
            if model._meta.label_lower == wanted:
                return model
        raise LookupError(f"there is no model {self.key!r}")

    @property
    def table(self) -> str:
        return self.model._meta.db_table

    def columns(self, names: Sequence[str]) -> tuple[str, ...]:
        """Database columns of fields.

        Raises:
            django.core.exceptions.FieldDoesNotExist: the model has no such field.
        """
        fields = [self.model._meta.get_field(name) for name in names]
        return tuple(str(field.column) for field in fields if isinstance(field, models.Field))

    @property
    def key_column(self) -> str:
        return str(self.model._meta.pk.column)


def _check_table(governed_table: GovernedTable) -> list[CheckMessage]:
    try:
        table = governed_table.table
        for names in (
            governed_table.personal,
            governed_table.hidden,
            governed_table.ignored,
            (governed_table.person,) if governed_table.person else (),
        ):
            governed_table.columns(names)
    except (LookupError, FieldDoesNotExist) as error:
        return [Error(f"governed table {governed_table.key!r}: {error}", id="portal.E261")]
    problems: list[CheckMessage] = []
    if table in AUDIT_TABLES:
        problems.append(
            Error(
                f"governed table {governed_table.key!r}: the audit cannot audit itself",
                id="portal.E262",
            )
        )
    named = [*governed_table.personal, *governed_table.hidden, *governed_table.ignored]
    if len(named) != len(set(named)):
        problems.append(
            Error(
                f"governed table {governed_table.key!r}: a column is named twice among personal, "
                "hidden and ignored",
                id="portal.E263",
            )
        )
    return problems


governed_tables: Registry[GovernedTable] = Registry("governed table", _check_table)


def governed(
    model_label: str,
    *,
    personal: Sequence[str] = (),
    hidden: Sequence[str] = (),
    ignored: Sequence[str] = (),
    person: str = "",
) -> GovernedTable:
    """Have every write to the table of `model_label` recorded.

    Args:
        model_label: `app.Model`; a many-to-many table of Django's own is `app.Model_field`.
        personal: fields that can be erased with the person that `person` names.
        hidden: fields whose values are never recorded, such as hashes of passwords.
        ignored: fields whose change alone is not worth an event.
        person: field with the id of the person whom the personal fields describe.

    Raises:
        AlreadyRegisteredError: the table is registered with other columns.
    """
    return governed_tables.register(
        GovernedTable(
            key=model_label,
            personal=tuple(personal),
            hidden=tuple(hidden),
            ignored=tuple(ignored),
            person=person,
        )
    )
