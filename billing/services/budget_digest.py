"""Spend against budget in a few lines, for the weekly digest of programme leads."""

from __future__ import annotations

import datetime as dt

from billing.addresses import budget_address
from billing.policies import may_see_costs
from billing.selectors.budget_spending import PresentSpending
from billing.selectors.budgets import Standing, budgets_visible_to, ordered, standings
from portal.choices import Role
from portal.digests import DigestLine
from portal.models import User
from portal.policies import holds
from portal.shell.formats import date_text, nano_money_text, percent_text


def gets_budgets(user: User) -> bool:
    """Programme leads; budgets of their own tell everybody else at once."""
    return holds(user, Role.PROGRAMME_LEAD) and may_see_costs(user)


def budget_lines(user: User, since: dt.datetime, until: dt.datetime) -> list[DigestLine]:
    """Each live budget in its current period, nearest to its amount first."""
    live = budgets_visible_to(user).filter(ended_at__isnull=True).order_by("pk")
    found = standings(live, PresentSpending(until))
    return [DigestLine(_line(each), budget_address(each.budget.pk)) for each in ordered(found)]


def _line(standing: Standing) -> str:
    budget = standing.budget
    amount = nano_money_text(budget.amount_nano, budget.currency)
    words = f"{budget.get_measure_display().lower()}, {budget.get_cost_basis_display().lower()}"
    end = date_text(standing.period.end - dt.timedelta(days=1))
    if standing.spent is None or standing.share is None:
        return f"{standing.name}: not known of {amount} ({words}) until {end}"
    spent = nano_money_text(standing.spent, budget.currency)
    ahead = ""
    if standing.crosses_on is not None:
        ahead = f"; forecast to exceed it on {date_text(standing.crosses_on)}"
    share = percent_text(standing.share, 0)
    return f"{standing.name}: {spent} of {amount}, {share} ({words}), until {end}{ahead}"
