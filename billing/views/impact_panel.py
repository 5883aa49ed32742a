"""The cost of a judged effect on its page, and what remains of its benefit."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.utils import timezone

from adoption.selectors.impact import current_verdict
from billing.choices import CostBasis
from billing.policies import may_see_costs
from billing.selectors.figures import coverage_note, status_of
from billing.selectors.impact_net import NetBenefit, net_benefit_of
from billing.selectors.references import FigureReference
from portal.shell.figures import Figure
from portal.shell.formats import date_text
from portal.shell.statuses import FigureStatus


def impact_net_panel(request: HttpRequest, registration: Any) -> dict[str, Any] | None:
    """Cost and net benefit of a verdict; None before there is one, or for who may not see costs."""
    if not may_see_costs(request.user):
        return None
    verdict = current_verdict(registration)
    if verdict is None:
        return None
    now = timezone.now()
    found = net_benefit_of(verdict, registration.use_case, now=now)
    window = f"{date_text(found.first)} to {date_text(found.last)}"
    whole = FigureReference(use_case=registration.use_case.slug)
    if found.cost.nano is None:
        cost = Figure.missing("Cost since the launch", found.cost_reason)
    else:
        total = found.sums[0]
        cost = Figure.money(
            "Cost since the launch",
            found.cost.nano,
            found.cost.currency,
            status=status_of(total, now=now),
            basis=CostBasis(found.cost.basis).label,
            window=window,
            as_of=total.as_of,
            note=coverage_note(total, "effective"),
            lineage_url=whole.explorer_url if found.use_cases == 1 else "",
        )
    return {
        "net": found,
        "figures": [cost, _net_figure(found, window, verdict.data_as_of)],
        "window": window,
    }


def _net_figure(found: NetBenefit, window: str, as_of: Any) -> Figure:
    label = "Net benefit, conservative"
    if found.nano is None:
        return Figure.missing(label, found.reason)
    return Figure.money(
        label,
        found.nano,
        found.currency,
        status=FigureStatus.ESTIMATED,
        basis="Derived",
        window=window,
        as_of=as_of,
        note="proven benefit less cost" if found.benefit.units else "0 proven, less cost",
    )
