"""Figures and drawings of how a budget stands."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from itertools import accumulate
from typing import Any
from urllib.parse import urlencode

from django.urls import reverse

from billing.choices import BudgetPeriod
from billing.models import Budget
from billing.selectors.budgets import NOT_PROJECTED, Standing, spent_by_use_case
from billing.selectors.freshness import newest_cost_moment
from billing.selectors.references import FigureReference
from billing.selectors.spending import daily_spend
from portal.shell.charts import Chart, Series, line_chart
from portal.shell.figures import Figure, FigureKind
from portal.shell.formats import Number, date_text, money_text, to_decimal
from portal.shell.money import from_nano
from portal.shell.periods import DateRange, Month
from portal.shell.statuses import FigureStatus

NO_EFFECTIVE = "some costs state no effective cost"
_NOT_YET = "lies ahead"
_PAST = "is past; see what was used"


def money_writer(currency: str) -> Callable[[Number], str]:
    """Writes the values of a drawing."""
    return lambda value: money_text(to_decimal(value), currency)


def window_text(period: DateRange) -> str:
    """A period in words, its last day included."""
    months = period.months()
    if len(months) == 1:
        return months[0].label
    return f"{months[0].label} to {months[-1].label}"


def state_of(budget: Budget, standing: Standing | None) -> str:
    """The word of the vocabulary `budget`."""
    if budget.ended_at is not None:
        return "ended"
    if standing is None:
        return "outside"
    if standing.spent is None:
        return "unknown"
    amount = budget.amount_nano
    if standing.is_exceeded:
        return "over"
    if standing.spent == amount:
        return "used"
    if standing.crosses_on is not None:
        return "crossing"
    if 100 * standing.spent >= 80 * amount:
        return "close"
    return "half" if 2 * standing.spent >= amount else "within"


def lineage_of(standing: Standing) -> str:
    """Where the money in the period stands in detail."""
    budget, period = standing.budget, standing.period
    first, last = period.months()[0], period.months()[-1]
    if budget.use_case_id is not None:
        return FigureReference(
            use_case=standing.slug, first=first, last=last, currency=budget.currency,
            basis=budget.cost_basis, measure=budget.measure,
        ).lineage_url  # fmt: skip
    # The explorer knows no programme, and would add what the budget does not count.
    return f"{reverse('budget', args=[budget.pk])}#counts"


def beyond_url(standing: Standing) -> str:
    """All cost of the period in the explorer, also what the budget of a programme leaves out."""
    budget, period = standing.budget, standing.period
    query = {"from": str(period.months()[0]), "to": str(period.months()[-1]),
             "currency": budget.currency, "basis": budget.cost_basis,
             "group": "use_case"}  # fmt: skip
    return f"{reverse('costs')}?{urlencode(query)}"


def counted_rows(standing: Standing) -> list[dict[str, Any]]:
    """What the budget of a programme counts, a row a use case that leads to its lines."""
    budget, months = standing.budget, standing.period.months()
    return [
        {
            "name": spender.title,
            "url": FigureReference(
                use_case=spender.slug, first=months[0], last=months[-1],
                currency=budget.currency, basis=budget.cost_basis, measure=budget.measure,
            ).lineage_url,
            "nano": nano,
            "currency": budget.currency,
        }
        for spender, nano in spent_by_use_case(standing)
    ]  # fmt: skip


def exceeded_text(standing: Standing | None, since: dt.date | None) -> str:
    """That it is exceeded, and since when; empty while it is not."""
    if standing is None or not standing.is_exceeded:
        return ""
    return f"Exceeded since {date_text(since)}" if since else "Exceeded"


def used_figure(standing: Standing | None, *, as_of: dt.datetime | None = None) -> Figure:
    """What is used of the amount."""
    if standing is None:
        return Figure.missing("Used", "today lies outside its months")
    if standing.spent is None:
        return Figure.missing("Used", NO_EFFECTIVE)
    budget = standing.budget
    return Figure.money(
        "Used", standing.spent, budget.currency, status=FigureStatus.PROVISIONAL,
        basis=f"{budget.get_cost_basis_display()}, {budget.get_measure_display().lower()}",
        window=window_text(standing.period), as_of=as_of or newest_cost_moment(),
        lineage_url=lineage_of(standing),
    )  # fmt: skip


def share_figure(standing: Standing, *, label: str = "Of the budget") -> Figure:
    """The used share of the amount."""
    if standing.share is None:
        return Figure.missing(label, NO_EFFECTIVE)
    return Figure(
        label=label, value=standing.share, kind=FigureKind.SHARE,
        status=FigureStatus.PROVISIONAL, window=window_text(standing.period),
        lineage_url=reverse("budget", args=[standing.budget.pk]),
    )  # fmt: skip


def projected_figure(standing: Standing | None) -> Figure:
    """Where the period will end."""
    label = "Will end at"
    if standing is None:
        return Figure.missing(label, "today lies outside its months")
    if standing.projected is None:
        return Figure.missing(label, NO_EFFECTIVE if standing.spent is None else NOT_PROJECTED)
    crosses = standing.crosses_on
    return Figure.money(
        label, standing.projected, standing.budget.currency, status=FigureStatus.ESTIMATED,
        basis=f"{standing.budget.get_cost_basis_display()}",
        window=window_text(standing.period),
        note=f"exceeded on {date_text(crosses)}" if crosses else "",
        lineage_url=f"{reverse('forecasts')}",
    )  # fmt: skip


def burn_chart(standing: Standing) -> Chart:
    """What was used so far and what is expected, day by day or month by month, with its band."""
    budget, period = standing.budget, standing.period
    spend = daily_spend(use_case_ids=standing.spenders, window=period, measure=budget.measure)
    by_day: dict[dt.date, int] = {}
    for (_, kind), days in spend.items():
        if kind == standing.kind:
            for day, nano in days.costs.items():
                by_day[day] = by_day.get(day, 0) + nano
    newest = max(by_day, default=None)
    expected = dict(standing.projection.expected) if standing.projection else {}
    by_month = budget.period != BudgetPeriod.MONTH and len(period.months()) > 1
    ends = _ends(period, by_month=by_month)
    used = _up_to(by_day, ends)
    still = _up_to(expected, ends)
    total = sum(by_day.values())
    shown_used = [
        from_nano(nano) if newest is not None and start <= newest else None
        for nano, (start, _) in zip(used, ends, strict=True)
    ]
    is_ahead = [newest is None or end - dt.timedelta(days=1) >= newest for _, end in ends]
    lines = [Series("Used", shown_used, reason=_NOT_YET)]
    if standing.projection is not None:
        band = standing.band
        for name, factor in (("Expected", 0), *((("Low", -1), ("High", 1)) if band else ())):
            lines.append(
                Series(
                    name,
                    [
                        from_nano(total + nano + round(nano * (band or 0) * factor))
                        if ahead
                        else None
                        for nano, ahead in zip(still, is_ahead, strict=True)
                    ],
                    reason=_PAST,
                )
            )
    labels = [Month.of(start).label if by_month else str(start.day) for start, _ in ends]
    return line_chart(
        title=f"Used and expected, {window_text(period)}",
        description="Cost summed up over the period, what is still expected, and the budget.",
        labels=labels,
        unit=f"{budget.currency}, {budget.get_measure_display().lower()}",
        series=lines,
        target=from_nano(budget.amount_nano),
        text=money_writer(budget.currency),
    )


def _ends(period: DateRange, *, by_month: bool) -> list[tuple[dt.date, dt.date]]:
    """The steps of the drawing, half-open."""
    if by_month:
        return [(month.start, month.end) for month in period.months()]
    return [(day, day + dt.timedelta(days=1)) for day in period.days()]


def _up_to(nano: dict[dt.date, int], ends: list[tuple[dt.date, dt.date]]) -> list[int]:
    """Running sums at the end of each step."""
    steps = [sum(v for day, v in nano.items() if start <= day < end) for start, end in ends]
    return list(accumulate(steps))
