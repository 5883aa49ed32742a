"""Figures of how a budget stands, or stood at a moment."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

from django.urls import reverse

from billing.choices import Measure
from billing.models import Budget
from billing.selectors.budgets import (
    NOT_PROJECTED,
    Standing,
    spent_by_use_case,
    window_text,
)
from billing.selectors.moments import moment_key
from billing.selectors.references import FigureReference
from portal.shell.figures import Figure, FigureKind
from portal.shell.formats import (
    Number,
    date_text,
    money_text,
    nano_money_text,
    number_text,
    percent_text,
    to_decimal,
)
from portal.shell.statuses import FigureStatus

NO_LINE_YET = "no cost line of this period yet"
_OUTSIDE = "{} lies outside its months"


def money_writer(currency: str) -> Callable[[Number], str]:
    """Writes the values of a drawing."""
    return lambda value: money_text(to_decimal(value), currency)


def state_of(budget: Budget, standing: Standing | None) -> str:
    """The word of the vocabulary `budget`."""
    if budget.ended_at is not None:
        return "ended"
    if standing is None:
        return "outside"
    if standing.spent is None or standing.elsewhere:
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


def budget_url(budget: Budget, at: dt.datetime | None = None) -> str:
    """The page of a budget, as of a moment where one is given."""
    query = f"?{urlencode({'as_of': moment_key(at)})}" if at else ""
    return f"{reverse('budget', args=[budget.pk])}{query}"


def _reference(standing: Standing, slug: str) -> FigureReference:
    """What the budget counts of one use case, at its moment."""
    budget, months = standing.budget, standing.period.months()
    return FigureReference(
        use_case=slug, first=months[0], last=months[-1], currency=budget.currency,
        basis=budget.cost_basis, measure=budget.measure, at=standing.spending.at,
    )  # fmt: skip


def lineage_of(standing: Standing) -> str:
    """Where the money in the period stands in detail."""
    if standing.budget.use_case_id is not None:
        return _reference(standing, standing.slug).lineage_url
    # The explorer knows no programme, and would add what the budget does not count.
    return f"{budget_url(standing.budget, standing.spending.at)}#counts"


def beyond_url(standing: Standing) -> str:
    """All cost of the period in the explorer, also what the budget of a programme leaves out."""
    budget, period = standing.budget, standing.period
    query = {"from": str(period.months()[0]), "to": str(period.months()[-1]),
             "currency": budget.currency, "basis": budget.cost_basis,
             "group": "use_case"}  # fmt: skip
    if standing.spending.at is not None:
        query["as_of"] = moment_key(standing.spending.at)
    return f"{reverse('costs')}?{urlencode(query)}"


def counted_rows(standing: Standing) -> list[dict[str, Any]]:
    """What the budget of a programme counts, a row a use case that leads to its lines."""
    return [
        {
            "name": spender.title,
            "url": _reference(standing, spender.slug).lineage_url,
            "nano": nano,
            "currency": standing.budget.currency,
            "status": status,
        }
        for spender, nano, status in spent_by_use_case(standing)
    ]


def exceeded_text(standing: Standing | None, since: dt.date | None) -> str:
    """That it is exceeded, and since when; empty while it is not."""
    if standing is None or not standing.is_exceeded:
        return ""
    return f"Exceeded since {date_text(since)}" if since else "Exceeded"


def outside_reason(at: dt.datetime | None) -> str:
    """Why a budget outside its months has no figure."""
    return _OUTSIDE.format("that moment" if at else "today")


def used_figure(standing: Standing | None, *, at: dt.datetime | None = None) -> Figure:
    """What is used of the amount, as settled as its lines are.

    Args:
        at: the moment that is asked about, for a budget outside its months; None is today.
    """
    if standing is None:
        return Figure.missing("Used", outside_reason(at))
    if standing.spent is None:
        return Figure.missing("Used", standing.unknown_because)
    if standing.elsewhere:
        return Figure.missing("Used", elsewhere_text(standing))
    budget, cost = standing.budget, standing.cost
    return Figure.money(
        "Used", standing.spent, budget.currency, status=standing.status,
        basis=f"{budget.get_cost_basis_display()}, {budget.get_measure_display().lower()}",
        window=window_text(standing.period), as_of=cost.as_of if cost else None,
        note=_said_beside(standing), lineage_url=lineage_of(standing),
    )  # fmt: skip


def _said_beside(standing: Standing) -> str:
    """What must be said beside what is used, so that nobody takes it for more than it is."""
    cost = standing.cost
    if cost is None:
        return NO_LINE_YET
    unknown = cost.effective_unknown if standing.budget.measure == Measure.EFFECTIVE else 0
    return f"without {number_text(unknown)} lines that state none" if unknown else ""


def elsewhere_text(standing: Standing) -> str:
    """That there is money, and none that the budget counts; empty where it counts any."""
    if not standing.elsewhere:
        return ""
    found = ", ".join(
        f"{nano_money_text(each.billed_nano, each.kind.currency)} {each.kind.basis_label.lower()}"
        for each in standing.elsewhere
    )
    counted = f"{standing.budget.currency} {standing.budget.get_cost_basis_display().lower()}"
    return f"nothing in {counted}; there is {found} (billed), which it does not count"


def ended_figure(standing: Standing | None) -> Figure:
    """What the finished period before used, of the amount of then."""
    label = "Ended at"
    if standing is None:
        return Figure.missing(label, "none of its periods has ended since it was made")
    if standing.spent is None or standing.share is None:
        return Figure.missing(label, standing.unknown_because)
    budget, cost = standing.budget, standing.cost
    if cost is None:
        return Figure.missing(label, f"no cost line of {window_text(standing.period)}")
    amount = nano_money_text(budget.amount_nano, budget.currency)
    return Figure.money(
        label, standing.spent, budget.currency, status=standing.status,
        basis=f"{percent_text(standing.share, 1)} of {amount}",
        window=window_text(standing.period), as_of=cost.as_of, note=_said_beside(standing),
        # What the budget of a programme counts is listed for the period around the moment only.
        lineage_url=lineage_of(standing) if budget.use_case_id else "",
    )  # fmt: skip


def share_figure(standing: Standing, *, label: str = "Of the budget") -> Figure:
    """The used share of the amount."""
    if standing.share is None:
        return Figure.missing(label, standing.unknown_because)
    return Figure(
        label=label, value=standing.share, kind=FigureKind.SHARE,
        status=standing.status, window=window_text(standing.period),
        lineage_url=budget_url(standing.budget, standing.spending.at),
    )  # fmt: skip


def projected_figure(standing: Standing | None, *, at: dt.datetime | None = None) -> Figure:
    """Where the period will end, or was to end as far as was known at a moment."""
    label = "Was to end at" if at else "Will end at"
    if standing is None:
        return Figure.missing(label, outside_reason(at))
    if standing.projected is None:
        why = standing.unknown_because or elsewhere_text(standing) or NOT_PROJECTED
        return Figure.missing(label, why)
    crosses = standing.crosses_on
    return Figure.money(
        label, standing.projected, standing.budget.currency, status=FigureStatus.ESTIMATED,
        basis=f"{standing.budget.get_cost_basis_display()}",
        window=window_text(standing.period),
        note=f"exceeded on {date_text(crosses)}" if crosses else "",
        lineage_url=f"{reverse('forecasts')}",
    )  # fmt: skip
