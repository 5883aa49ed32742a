"""Drawings of cost: by month as bars, otherwise the largest as a list."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal

from django.utils.safestring import SafeString

from billing.selectors.costs import CostSum, Kind
from billing.selectors.figures import NO_EFFECTIVE
from portal.shell.charts import BarListRow, Chart, Series, bar_chart, bar_list
from portal.shell.formats import Number, money_text, to_decimal
from portal.shell.money import from_nano
from portal.shell.periods import Month

NO_LINE = "no cost line in this month"
_LARGEST = 8
_MOST_MONTHS = 36
_LONGEST_NAME = 60


def amount_writer(currency: str) -> Callable[[Number], str]:
    """Writes amounts of a currency."""
    return lambda value: money_text(to_decimal(value), currency)


def unit_text(kind: Kind) -> str:
    """Currency and basis in words."""
    return f"{kind.currency}, {kind.basis_label.lower()}"


def month_chart(months: Sequence[tuple[str, CostSum | None]], *, kind: Kind) -> Chart:
    """Billed and effective cost side by side for each month; None is a month without a line."""

    def values(measure: str) -> list[Decimal | None]:
        amounts = [each.nano(measure) if each else None for _, each in months]
        return [None if nano is None else from_nano(nano) for nano in amounts]

    silent = {place: NO_EFFECTIVE for place, (_, each) in enumerate(months) if each}
    return bar_chart(
        title="Cost by month",
        description="Billed and effective cost side by side for each month.",
        labels=[label for label, _ in months],
        unit=unit_text(kind),
        series=[
            Series("Billed", values("billed"), reason=NO_LINE),
            Series("Effective", values("effective"), reason=NO_LINE, reasons=silent),
        ],
        stacked=False,
        text=amount_writer(kind.currency),
    )


def with_silent_months(
    months: Sequence[tuple[str, CostSum]],
) -> list[tuple[str, CostSum | None]]:
    """Sums by month with those between them that have no line, or time would not run evenly.

    Where that is more than `_MOST_MONTHS`, only those that have one.
    """
    known = {Month.parse(each.key[0]): each for _, each in months}
    first, last = min(known, default=None), max(known, default=None)
    if first is None or last is None or first.months_until(last) >= _MOST_MONTHS:
        return list(months)
    shown = (first + number for number in range(first.months_until(last) + 1))
    return [(month.label, known.get(month)) for month in shown]


def largest_chart(groups: Sequence[tuple[str, CostSum]], *, kind: Kind, noun: str) -> SafeString:
    """The groups with the largest billed cost, as bars in a table."""
    ordered = sorted(groups, key=lambda pair: -abs(pair[1].billed_nano))[:_LARGEST]
    return bar_list(
        title=f"Billed by {noun}, the largest, {unit_text(kind)}",
        rows=[BarListRow(_short(name), from_nano(each.billed_nano)) for name, each in ordered],
        value_heading="Billed",
        label_heading=noun.capitalize(),
        text=amount_writer(kind.currency),
    )


def _short(name: str) -> str:
    return name if len(name) <= _LONGEST_NAME else f"{name[: _LONGEST_NAME - 1]}…"
