"""Writing programmes."""

from __future__ import annotations

import datetime as dt
import re
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import structlog
from django.db import transaction
from django.db.models import Q

from adoption.models import Milestone, Programme
from adoption.services.refusals import RefusedError
from adoption.services.slugs import save_with_slug
from portal.models import User
from portal.wording import counted

logger = structlog.get_logger(__name__)
_CURRENCY = re.compile(r"[A-Z]{3}")


class BadProgrammeError(RefusedError):
    """A programme's period, currency or time zone cannot be."""


def _check(programme: Programme) -> None:
    if not _CURRENCY.fullmatch(programme.currency):
        raise BadProgrammeError(
            f"{programme.currency!r} is not a currency code. Expected three capital letters of "
            "ISO 4217, for example USD.",
            field="currency",
        )
    try:
        ZoneInfo(programme.time_zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise BadProgrammeError(
            f"{programme.time_zone!r} is not a time zone. Expected a name of the IANA list, for "
            "example Europe/Berlin.",
            field="time_zone",
        ) from None
    if programme.ends_on is not None and programme.ends_on <= programme.starts_on:
        raise BadProgrammeError(
            "The programme must end after the day on which it starts.", field="ends_on"
        )


def create_programme(
    *,
    name: str,
    owner: User,
    currency: str,
    starts_on: dt.date,
    time_zone: str = "UTC",
    ends_on: dt.date | None = None,
    fiscal_year_start_month: int = 1,
    actor: User,
    at: dt.datetime,
) -> Programme:
    """Create a programme; its slug is made from the name, once.

    Args:
        currency: ISO 4217 code in which the programme reports.
        time_zone: IANA name; the programme's days are cut in it.
        ends_on: exclusive; None while it is open.

    Raises:
        BadProgrammeError: currency, time zone or period cannot be.
        ValidationError: another field is wrong.
    """
    programme = Programme(
        name=name.strip(),
        owner=owner,
        currency=currency,
        time_zone=time_zone,
        starts_on=starts_on,
        ends_on=ends_on,
        fiscal_year_start_month=fiscal_year_start_month,
    )
    _check(programme)
    with transaction.atomic():
        save_with_slug(programme, programme.name, fallback="programme")
    logger.info("programme_created", programme=programme.pk, actor=actor.pk, at=at.isoformat())
    return programme


def _check_milestones_inside(programme: Programme) -> None:
    outside = Q(due_on__lt=programme.starts_on)
    if programme.ends_on is not None:
        outside |= Q(due_on__gte=programme.ends_on)
    left_out = Milestone.objects.filter(use_case__programme=programme).filter(outside)
    count = left_out.count()
    if count:
        example = left_out.order_by("due_on", "pk").first()
        raise BadProgrammeError(
            f"{counted(count, 'milestone')} would be due outside that period, for example "
            f"“{example}”. Move or remove them first.",
            field="starts_on",
        )


def update_programme(
    *,
    programme_id: int,
    name: str,
    owner: User,
    currency: str,
    starts_on: dt.date,
    time_zone: str,
    ends_on: dt.date | None,
    fiscal_year_start_month: int,
    actor: User,
    at: dt.datetime,
) -> Programme:
    """Change a programme; the slug stays.

    Raises:
        BadProgrammeError: as for creating, or a milestone would be due outside the new period, or
            the currency changes although milestones promise amounts in the old one.
        ValidationError: another field is wrong.
    """
    with transaction.atomic():
        programme = Programme.objects.select_for_update().get(pk=programme_id)
        old_currency = programme.currency
        programme.name = name.strip()
        programme.owner = owner
        programme.currency = currency
        programme.time_zone = time_zone
        programme.starts_on = starts_on
        programme.ends_on = ends_on
        programme.fiscal_year_start_month = fiscal_year_start_month
        _check(programme)
        _check_milestones_inside(programme)
        promised = Milestone.objects.filter(use_case__programme=programme).exclude(currency="")
        if currency != old_currency and promised.exists():
            raise BadProgrammeError(
                f"Milestones promise amounts in {old_currency}; the currency cannot change.",
                field="currency",
            )
        programme.full_clean()
        programme.save()
    logger.info("programme_updated", programme=programme.pk, actor=actor.pk, at=at.isoformat())
    return programme
