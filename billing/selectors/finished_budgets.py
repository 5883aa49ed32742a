"""How budgets ended: in the finished period before the one around a moment."""

from __future__ import annotations

import copy
import datetime as dt
from collections.abc import Iterable
from dataclasses import replace

from billing.models import Budget
from billing.selectors.budget_spending import Spending
from billing.selectors.budgets import Standing, finished_period_of, standings
from billing.selectors.past_budgets import budgets_recorded_at


def finished_standings(budgets: Iterable[Budget], spending: Spending) -> dict[int, Standing]:
    """By id, how budgets ended in the finished period before the moment (UTC) of `spending`.

    Against the amount that a budget had when the period ended, whatever it was changed to since.
    Left out is what was made later, and what counted something else then. Six queries, and two for
    each day on which periods ended; as of a moment about a dozen more.

    Raises:
        TooManyChargesError: as of a moment, there are more than are worked out.
    """
    found = standings(budgets, spending, choose=finished_period_of)
    by_end: dict[dt.date, list[Standing]] = {}
    for each in found.values():
        by_end.setdefault(each.period.end, []).append(each)
    ended: dict[int, Standing] = {}
    for end, group in by_end.items():
        moment = dt.datetime.combine(end, dt.time.min, tzinfo=dt.UTC)
        copies = [copy.copy(each.budget) for each in group]
        for was in budgets_recorded_at(copies, moment):
            now = found[was.pk].budget
            if _counts(was) == _counts(now):
                budget = copy.copy(now)
                budget.amount_nano = was.amount_nano
                ended[was.pk] = replace(
                    found[was.pk], budget=budget, projection=None, band=None, is_over=True
                )
    return ended


def _counts(budget: Budget) -> tuple[str, ...]:
    return budget.period, budget.currency, budget.cost_basis, budget.measure
