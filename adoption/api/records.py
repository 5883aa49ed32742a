"""The record of a use case in the API: one object, made from the table of its fields."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from adoption.inventories.fields import (
    LONGEST_LINE,
    LONGEST_TEXT,
    RECORD_FIELDS,
    Kind,
    RecordField,
)
from adoption.inventory_choices import BenefitCheck
from adoption.models import UseCaseProfile
from adoption.selectors.records import stored_values
from portal.shell.money import decimal_text

OWN_COLUMNS = ("is_draft", "benefit_check")
COLUMNS = tuple(
    f"profile__{name}"
    for name in (*OWN_COLUMNS, *(field.column for field in RECORD_FIELDS.values()))
)


class _Decimal(serializers.DecimalField):
    """An exact decimal, as text both ways."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_digits=19, decimal_places=9, **kwargs)

    def to_representation(self, value: Any) -> Any:
        return value if value is None or isinstance(value, str) else decimal_text(value)


def _field(field: RecordField) -> serializers.Field[Any, Any, Any, Any]:
    same: dict[str, Any] = {"required": False, "help_text": field.help_text or field.label}
    if field.kind is Kind.CHOICE:
        return serializers.ChoiceField([*field.choices], allow_blank=True, **same)
    if field.kind is Kind.DAY:
        return serializers.DateField(allow_null=True, **same)
    if field.kind is Kind.NUMBER:
        return _Decimal(allow_null=True, **same)
    if field.kind is Kind.NAMES:
        names = serializers.CharField(max_length=LONGEST_LINE)
        return serializers.ListField(child=names, max_length=100, **same)
    limit = LONGEST_TEXT if field.kind is Kind.TEXT else LONGEST_LINE
    limit = 60 if field.name == "benefit_unit" else limit
    return serializers.CharField(allow_blank=True, max_length=limit, **same)


class RecordSerializer(serializers.Serializer[Any]):
    """What the record says. Empty and null mean that nobody has said; nothing is guessed."""

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        return {name: _field(field) for name, field in RECORD_FIELDS.items()}

    def to_internal_value(self, data: Any) -> Any:
        unknown = sorted(set(data) - set(RECORD_FIELDS)) if isinstance(data, dict) else []
        if unknown:
            raise serializers.ValidationError(
                {
                    name: [serializers.ErrorDetail("This cannot be written here.", "not_writable")]
                    for name in unknown
                }
            )
        return super().to_internal_value(data)


class RecordStateSerializer(serializers.Serializer[Any]):
    """What is worked out about a record, or decided on its pages."""

    is_draft = serializers.BooleanField(help_text="Its registration is not finished.")
    benefit_check = serializers.ChoiceField(
        BenefitCheck.choices, help_text="What the stated benefit can be held against."
    )
    record = RecordSerializer()


def present_record(row: dict[str, Any]) -> dict[str, Any]:
    """The record's part of a use case, from its row with `COLUMNS`."""
    if row["profile__is_draft"] is None:  # nobody has said anything yet
        empty = UseCaseProfile()
        columns = {name.removeprefix("profile__"): None for name in COLUMNS}
        columns = {name: getattr(empty, name) for name in columns}
    else:
        columns = {name.removeprefix("profile__"): row[name] for name in COLUMNS}
    return {
        **{name: columns[name] for name in OWN_COLUMNS},
        "record": stored_values(columns),
    }
