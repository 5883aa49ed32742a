"""Forgetting who was behind cost lines."""

from __future__ import annotations

from collections.abc import Callable, Collection

from django.db.models import Q

from billing.models import ChargeDimension
from portal.rows import update_rows

# Where a source may have put a person's name. The rest of a dimension says what was bought.
_NAMING = ("principal_id", "resource_id", "resource_name", "charge_description", "tags", "extra")


def erase_principals(
    names: Collection[str], replaced: Callable[[str, Collection[str]], str]
) -> int:
    """Put pseudonyms in the place of names in the dimensions of cost lines; returns how many.

    Digests stay as they are: they are one-way, and the same line of the same bill must find its
    dimension again when it is imported once more, which then brings no name back.
    """
    wanted = Q()
    for name in names:
        for field in _NAMING:
            wanted |= Q(**{f"{field}__icontains": name})
    changed = list(ChargeDimension.objects.filter(wanted).order_by("pk"))
    for each in changed:
        for field in _NAMING:
            setattr(each, field, replaced(getattr(each, field), names))
    update_rows(changed, _NAMING)
    return len(changed)
