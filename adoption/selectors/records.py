"""Reading the record of a use case: what is filled in, and the benefit in one sentence."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from adoption.inventories.fields import GROUPS, RECORD_FIELDS, Kind, RecordField
from adoption.models import UseCaseProfile
from portal.shell.formats import date_text
from portal.shell.money import nano_text


@dataclass(frozen=True, slots=True)
class Entry:
    """One field that somebody filled in, in words."""

    field: RecordField
    text: str
    names: tuple[str, ...] = ()

    @property
    def is_address(self) -> bool:
        """Whether it can be followed as a link."""
        return self.text.startswith("https://") and " " not in self.text


@dataclass(frozen=True, slots=True)
class FilledGroup:
    """A group of the record with what is in it."""

    key: str
    label: str
    entries: tuple[Entry, ...]


def record_values(profile: UseCaseProfile) -> dict[str, Any]:
    """Every field by its name: numbers as exact decimals or None, days as dates or None."""
    values = {}
    for name, field in RECORD_FIELDS.items():
        value = getattr(profile, field.column)
        is_number = field.kind is Kind.NUMBER and value is not None
        values[name] = Decimal(nano_text(value)) if is_number else value
    return values


def stored_values(columns: Mapping[str, Any]) -> dict[str, Any]:
    """The same as text for the API, from columns as they are stored; numbers as plain decimals."""
    values = {}
    for name, field in RECORD_FIELDS.items():
        value = columns[field.column]
        is_number = field.kind is Kind.NUMBER and value is not None
        values[name] = nano_text(value) if is_number else value
    return values


def _entry(profile: UseCaseProfile, field: RecordField) -> Entry | None:
    value = getattr(profile, field.column)
    if value in (None, "", []):
        return None
    if field.kind is Kind.NAMES:
        return Entry(field, "", tuple(value))
    if field.kind is Kind.NUMBER:
        return Entry(field, f"{nano_text(value)} {profile.benefit_unit}")
    if field.kind is Kind.DAY:
        return Entry(field, date_text(value))
    if field.kind is Kind.CHOICE:
        return Entry(field, dict(field.choices).get(value, str(value)))
    return Entry(field, str(value))


def filled_groups(profile: UseCaseProfile) -> list[FilledGroup]:
    """What is filled in, group by group; empty fields and groups are left out."""
    groups = []
    for group in GROUPS:
        found = [_entry(profile, field) for field in group.fields]
        entries = tuple(entry for entry in found if entry is not None)
        if entries:
            groups.append(FilledGroup(group.key, group.label, entries))
    return groups


def benefit_claim(profile: UseCaseProfile) -> str:
    """“Handling time: 12 → 6 minutes per ticket by 30 Jun 2027”, or the prose, or nothing."""
    if profile.expected_nano is None:
        return str(profile.benefit_text)
    before = "" if profile.baseline_nano is None else f"{nano_text(profile.baseline_nano)} → "
    until = f" by {date_text(profile.expected_on)}" if profile.expected_on else ""
    what = f"{profile.benefit_measure}: " if profile.benefit_measure else ""
    return f"{what}{before}{nano_text(profile.expected_nano)} {profile.benefit_unit}{until}"
