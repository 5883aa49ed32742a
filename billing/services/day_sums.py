"""What the lines of a day may add up to: its sums are kept in 64 bits of nano-units.

A day's lines are summed by slice and by use case, service and more. Whatever the groups are, and in
whatever order a database adds, no sum passes what all charges of the day, or all its credits, come
to. So those two are looked at. Months and longer have no such limit (`billing.selectors.sums`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from datetime import date

from django.db.models import Q

from billing.models import ChargeSlice
from billing.services.staged_slices import SliceKey, StagedSlice
from portal.imports.contracts import ImportRefusedError
from portal.shell.money import MAX_NANO, nano_text

_LARGE = MAX_NANO // 10_000  # smaller ones, already stored, do not matter
_COLUMNS = ("BilledCost", "EffectiveCost")


def refuse_days_too_large(connection_id: int, slices: Mapping[SliceKey, StagedSlice]) -> None:
    """Refuse a run after which a day of its connection could not be summed. One query.

    Raises:
        ImportRefusedError: a day adds up to more than can be kept; it is named, with the column,
            the sum and the billing accounts.
    """
    days = {day for _, _, day in slices}
    if not days:
        return
    found: dict[tuple[date, str, str], int] = defaultdict(int)
    for (_, _, day), part in slices.items():
        for column, (up, down) in zip(_COLUMNS, part.both_ways, strict=True):
            found[day, part.currency, column] += up
            found[day, part.currency, f"-{column}"] += down
    for row in _others(connection_id, slices, min(days), max(days)):
        for column, nano in zip(_COLUMNS, (row.billed_nano, row.effective_nano), strict=True):
            found[row.day, row.currency, column if nano > 0 else f"-{column}"] += abs(nano)
    for (day, currency, name), nano in found.items():
        if nano > MAX_NANO:
            raise _refusal(slices, day, currency, name, nano)


def _others(
    connection_id: int, slices: Mapping[SliceKey, StagedSlice], first: date, last: date
) -> list[ChargeSlice]:
    """Large slices of the same days that this run does not bring."""
    is_large = Q()
    for field in ("billed_nano", "effective_nano"):
        is_large |= Q(**{f"{field}__gt": _LARGE}) | Q(**{f"{field}__lt": -_LARGE})
    rows = ChargeSlice.objects.filter(
        is_large, connection_id=connection_id, day__range=(first, last), rows__gt=0
    )
    return [
        row
        for row in rows
        if (row.billing_account_id, row.billing_period_start, row.day) not in slices
    ]


def _refusal(
    slices: Mapping[SliceKey, StagedSlice], day: date, currency: str, name: str, nano: int
) -> ImportRefusedError:
    column = name.removeprefix("-")
    accounts = sorted({account for account, _, when in slices if when == day})
    more = f" and {len(accounts) - 3} more" if len(accounts) > 3 else ""
    what = "credits" if name != column else "charges"
    return ImportRefusedError(
        "day_too_large",
        f"the {what} of {day.isoformat()} (UTC) come to {nano_text(nano)} {currency}, of billing "
        f"account {', '.join(accounts[:3])}{more}: more than a day of one connection can hold",
        column=column,
        value=nano_text(nano),
        expected=f"at most {nano_text(MAX_NANO)} {currency} of {what} a day; if the amounts are "
        "right, give each billing account a connection of its own",
    )
