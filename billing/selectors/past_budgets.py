"""Budgets as they were: what each said at a moment, whatever it was changed to since."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from typing import Any

from billing.models import Budget
from billing.selectors.spenders import people_by_id
from portal.selectors.past_rows import columns_at

# Said by the budget itself: the moments at which it was made and ended, which never move.
_BY_ITSELF = ("created_at", "ended_at", "ended_reason")


def budgets_recorded_at(budgets: Iterable[Budget], at: dt.datetime) -> list[Budget]:
    """Those of the budgets that had been made by `at`, as they were then. Two queries at most.

    They are for reading: none is to be saved.
    """
    found = [each for each in budgets if each.created_at <= at]
    before = columns_at(Budget, (each.pk for each in found), at)
    owners = people_by_id({row["owner_id"] for row in before.values() if "owner_id" in row})
    for each in found:
        if each.ended_at is not None and each.ended_at > at:
            each.ended_at, each.ended_reason = None, ""
        _set(each, before.get(each.pk, {}))
        if each.owner_id in owners:
            each.owner = owners[each.owner_id]
    return found


def _set(budget: Budget, columns: dict[str, Any]) -> None:
    for field in Budget._meta.concrete_fields:
        if field.column in columns and field.column not in _BY_ITSELF:
            setattr(budget, field.attname, field.to_python(columns[field.column]))
