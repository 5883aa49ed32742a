"""Forms about the record of a use case, made from the table of `inventories/fields.py`."""

from __future__ import annotations

from typing import Any

from django import forms

from adoption.forms.widgets import DayField, lines, version_field
from adoption.inventories.fields import (
    GROUPS,
    LONGEST_LINE,
    LONGEST_TEXT,
    RECORD_FIELDS,
    Kind,
    RecordField,
)

_NOT_STATED = ("", "Not stated")
_MOST_NAMES = 100


class NamesField(forms.Field):
    """Several short texts, one a line."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(widget=lines(3), **kwargs)

    def prepare_value(self, value: Any) -> Any:
        return "\n".join(value) if isinstance(value, list) else value

    def to_python(self, value: Any) -> list[str]:
        """The lines that say something.

        Raises:
            ValidationError: one of them is too long, or they are too many.
        """
        names = [name.strip() for name in str(value or "").splitlines() if name.strip()]
        if len(names) > _MOST_NAMES or any(len(name) > LONGEST_LINE for name in names):
            raise forms.ValidationError(
                f"At most {_MOST_NAMES} lines of at most {LONGEST_LINE} characters."
            )
        return names


def form_field(field: RecordField) -> forms.Field:
    """The form's field for one field of the record. None of them is required."""
    same: dict[str, Any] = {
        "label": field.label, "help_text": field.help_text, "required": False,
    }  # fmt: skip
    if field.kind is Kind.TEXT:
        return forms.CharField(max_length=LONGEST_TEXT, widget=lines(3), **same)
    if field.kind is Kind.CHOICE:
        return forms.ChoiceField(choices=[_NOT_STATED, *field.choices], **same)
    if field.kind is Kind.DAY:
        return DayField(**same)
    if field.kind is Kind.NUMBER:
        return forms.DecimalField(max_digits=19, decimal_places=9, **same)
    if field.kind is Kind.NAMES:
        return NamesField(**same)
    limit = 60 if field.name == "benefit_unit" else LONGEST_LINE
    return forms.CharField(max_length=limit, **same)


class RecordForm(forms.Form):
    """Every field of the record, in its groups."""

    expected_version = version_field()

    sections = tuple((group.label, tuple(field.name for field in group.fields)) for group in GROUPS)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, field in RECORD_FIELDS.items():
            self.fields[name] = form_field(field)
