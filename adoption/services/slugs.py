"""Addresses made from names: once, unique, and never changed afterwards."""

from __future__ import annotations

from typing import TypeVar

from django.db import IntegrityError, models, transaction
from django.utils.text import slugify

RowT = TypeVar("RowT", bound=models.Model)
_ATTEMPTS = 5
_ROOM_FOR_NUMBER = 6
# Pages beside those of the rows.
_RESERVED = frozenset({"new", "similar", "export", "import", "groups"})


def _free_slug(model: type[models.Model], text: str, fallback: str) -> str:
    limit: int = getattr(model._meta.get_field("slug"), "max_length", None) or 50
    base = slugify(text)[: limit - _ROOM_FOR_NUMBER].strip("-") or fallback
    taken = set(model._default_manager.filter(slug__startswith=base).values_list("slug", flat=True))
    taken |= _RESERVED
    if base not in taken:
        return base
    number = 2
    while f"{base}-{number}" in taken:
        number += 1
    return f"{base}-{number}"


def save_with_slug(row: RowT, text: str, *, fallback: str) -> RowT:
    """Give a new `row` the first free slug made from `text`, validate it and save it.

    Two people may choose the same name at the same moment: the database lets one through, the
    other takes the next number.

    Args:
        fallback: used when nothing of `text` can stand in an address (other scripts, symbols).

    Raises:
        ValidationError: a field is wrong.
    """
    for attempt in range(_ATTEMPTS):
        slug = _free_slug(type(row), text, fallback)
        row.slug = slug  # type: ignore[attr-defined]
        row.full_clean(validate_unique=False)
        try:
            with transaction.atomic():
                row.save()
        except IntegrityError:
            is_slug_free = not type(row)._default_manager.filter(slug=slug).exists()
            if is_slug_free or attempt == _ATTEMPTS - 1:
                raise
            row.pk = None
        else:
            break
    return row
