"""Costs in the programme's reporting currency, beside their own and never instead."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from billing.selectors.costs import Kind
from billing.selectors.exchange import Converted, Rates, rates_between
from billing.selectors.figures import status_of
from billing.selectors.use_case_costs import KindOfCost
from billing.tables.closes import ConversionTable
from portal.shell.figures import Figure
from portal.shell.periods import Month
from portal.shell.statuses import FigureStatus

_DAY = dt.timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Conversion:
    """A kind of cost in another currency: its sum, and each month with its rate."""

    total: Figure
    months: ConversionTable


def conversions_of(
    costs: Sequence[KindOfCost], *, currency: str, now: dt.datetime
) -> dict[Kind, Conversion]:
    """What is billed in other currencies than `currency`, month by month. At most one query."""
    others = [each for each in costs if each.kind.currency != currency]
    rates = rates_between({each.kind.currency for each in others}, currency)
    return {each.kind: _conversion(each, currency, rates, now) for each in others}


def month_end(month: Month, now: dt.datetime) -> dt.date:
    """The day whose rate a month is read with: its last, or today while it runs."""
    return min(month.end - _DAY, now.astimezone(dt.UTC).date())


def _conversion(found: KindOfCost, currency: str, rates: Rates, now: dt.datetime) -> Conversion:
    known = [(month, cost) for month, cost in found.months if cost is not None]
    months = [
        (
            month,
            rates.convert(cost.billed_nano, found.kind.currency, currency, month_end(month, now)),
        )
        for month, cost in known
    ]
    rows = [
        conversion_row(month.label, each, status_of(cost, now=now))
        for (month, each), (_, cost) in zip(reversed(months), reversed(known), strict=True)
    ]
    caption = f"{found.kind.currency} {found.kind.basis} in {currency}"
    return Conversion(
        _total(found, currency, [each for _, each in months], now),
        ConversionTable.of(rows, caption=caption),
    )


def _total(
    found: KindOfCost, currency: str, months: Sequence[Converted], now: dt.datetime
) -> Figure:
    first, last = found.window
    label = f"Billed, read in {currency}"
    amounts = [each.nano for each in months if each.nano is not None]
    if len(amounts) < len(months):
        missing = next(each.reason for each in months if each.nano is None)
        return Figure.missing(label, missing)
    return Figure.money(
        label,
        sum(amounts),
        currency,
        status=status_of(found.total, now=now),
        basis=found.kind.basis_label,
        window=f"{first.label} to {last.label}",
        as_of=found.total.as_of,
        note=f"converted from {found.kind.currency} at each month's end",
    )


def conversion_row(month: str, each: Converted, status: FigureStatus) -> dict[str, Any]:
    """One converted amount as a row of `ConversionTable`, with the status of the original."""
    return {
        "month": month,
        "original_nano": each.original_nano,
        "currency": each.original_currency,
        "nano": each.nano,
        "quote": each.currency,
        "reason": each.reason,
        "status": status,
        "rate": each.rate.said if each.rate is not None else "",
    }
