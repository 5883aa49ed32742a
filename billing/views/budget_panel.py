"""Budgets on a use case's page and in the portfolio, and anomalies on the home page."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone

from billing.policies import may_answer_anomaly, may_edit_budgets_of, may_see_costs
from billing.selectors.anomalies import unanswered
from billing.selectors.budget_spending import PresentSpending
from billing.selectors.budgets import budgets_of_use_case, live_budgets, standings, window_text
from billing.views.budget_figures import (
    projected_figure,
    share_figure,
    state_of,
    used_figure,
)
from portal.shell.figures import Figure

_SHOWN = 6


def budget_panel(request: HttpRequest, use_case: Any) -> dict[str, Any] | None:
    """How the budgets of the use case stand; None for who may not see costs."""
    if not may_see_costs(request.user):
        return None
    budgets = budgets_of_use_case(use_case.pk)
    may_edit = may_edit_budgets_of(request.user, use_case.owner_id)
    found = standings(budgets, PresentSpending(timezone.now())) if budgets else {}
    waiting = unanswered(request.user).filter(day__use_case_id=use_case.pk)[:_SHOWN]
    if not budgets and not may_edit and not waiting:
        return None
    return {
        "budgets": [
            {
                "budget": each,
                "state": state_of(each, found.get(each.pk)),
                "window": window_text(found[each.pk].period) if each.pk in found else "",
                "figures": [used_figure(found.get(each.pk)), projected_figure(found.get(each.pk))]
                + ([share_figure(found[each.pk])] if each.pk in found else []),
            }
            for each in budgets
        ],
        "new_url": f"{reverse('budget-new')}?use_case={use_case.slug}" if may_edit else "",
        "anomalies": waiting,
    }


def budget_used_column(use_case_ids: Sequence[int]) -> dict[int, Figure]:
    """Used share of each use case's budget, for the portfolio; of several the fullest."""
    budgets = list(live_budgets().filter(use_case_id__in=use_case_ids))
    if not budgets:
        return {}
    found: dict[int, Figure] = {}
    fullest = sorted(
        standings(budgets, PresentSpending(timezone.now())).values(),
        key=lambda each: (each.share is not None, each.share or 0),
    )
    for standing in fullest:
        if standing.budget.use_case_id is not None:
            found[standing.budget.use_case_id] = share_figure(standing, label="Budget used")
    return found


def waiting_anomalies(request: HttpRequest) -> dict[str, Any] | None:
    """The home panel: anomalies that this person may answer; nothing when there are none."""
    found = [
        each
        for each in unanswered(request.user)[:50]
        if may_answer_anomaly(request.user, each.day.use_case.owner_id)
    ]
    if not found:
        return None
    return {"anomalies": found[:_SHOWN], "is_cut": len(found) > _SHOWN}
