"""Writing the record of a use case: checked field by field, saved with the use case's version."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from adoption.inventories.benefit import check_benefit, usage_word
from adoption.inventories.fields import RECORD_FIELDS, Kind
from adoption.models import UseCase, UseCaseProfile
from adoption.services.refusals import RefusedError
from portal.shell.money import AmountOutOfRangeError, to_nano


class BadRecordError(RefusedError):
    """A field of the record cannot be what was given."""


def profile_for_update(use_case: UseCase) -> UseCaseProfile:
    """Its record, made where there is none. The caller holds the use case's lock."""
    return UseCaseProfile.objects.get_or_create(use_case=use_case)[0]


def write_profile(profile: UseCaseProfile, changes: Mapping[str, Any]) -> None:
    """Set the named fields of `inventories/fields.py`; the others stay. Saves it.

    Numbers are given as exact decimals and kept in nano-units, half-even.

    Raises:
        BadRecordError: a number without its unit, an expectation that cannot turn out wrong, a
            benefit measured in usage, a number that does not fit.
        ValidationError: a field is wrong.
    """
    for name, value in changes.items():
        field = RECORD_FIELDS[name]
        setattr(profile, field.column, _stored(name, field.kind, value))
    if changes:
        _check_benefit(profile)
    profile.benefit_check = check_benefit(
        profile.benefit_text, has_number=bool(profile.benefit_unit) and _has_numbers(profile)
    )
    # That there is one for each use case is the database's to hold.
    profile.full_clean(exclude=["use_case"], validate_unique=False, validate_constraints=False)
    profile.save()


def _has_numbers(profile: UseCaseProfile) -> bool:
    return profile.expected_nano is not None


def _stored(name: str, kind: Kind, value: Any) -> Any:
    if kind is Kind.NUMBER:
        return _nano(name, value)
    if kind is Kind.NAMES:
        return [each.strip() for each in value if each.strip()]
    return value.strip() if isinstance(value, str) else value


def _nano(name: str, value: Decimal | None) -> int | None:
    if value is None:
        return None
    try:
        return to_nano(value)
    except AmountOutOfRangeError as error:
        raise BadRecordError(str(error), field=name) from error


def _check_benefit(profile: UseCaseProfile) -> None:
    numbers = (profile.baseline_nano, profile.expected_nano)
    if any(number is not None for number in numbers) and not profile.benefit_unit:
        raise BadRecordError(
            "A number needs its unit: minutes per ticket, %, EUR per month.", field="benefit_unit"
        )
    if None not in numbers and numbers[0] == numbers[1]:
        raise BadRecordError(
            "What is expected is what is there today, so it cannot turn out wrong. Say what should "
            "become different.",
            field="expected",
        )
    for field in ("benefit_measure", "benefit_unit"):
        if word := usage_word(getattr(profile, field)):
            raise BadRecordError(
                f"“{word}” measures how much a tool is used, which anybody can raise without "
                "delivering anything. Name the outcome instead: the time, errors, cost or risk "
                "that should change.",
                field=field,
            )
