"""The cost panel on a use case's page, and the cost column of the portfolio."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone

from billing.policies import may_edit_allocation_rules, may_see_costs
from billing.selectors.allocation_rules import rules_giving_to
from billing.selectors.costs import costs_to_date
from billing.selectors.figures import cost_figure, status_of
from billing.selectors.references import UNALLOCATED, FigureReference, spelled
from billing.selectors.use_case_costs import KindOfCost, use_case_costs
from billing.selectors.use_cases import use_case_names
from billing.tables.use_case_costs import MonthCostTable, ServiceCostTable
from billing.views.conversions import Conversion, conversions_of
from billing.views.cost_charts import NO_LINE, month_chart
from portal.shell.charts import Chart
from portal.shell.figures import Figure, FigureKind, share_of
from portal.shell.formats import nano_money_text
from portal.shell.views import EmptyState

_MOST_SERVICES = 12


@dataclass(frozen=True, slots=True)
class CostSection:
    """Everything the panel shows in one currency and basis."""

    heading: str
    figures: list[Figure]
    chart: Chart
    services: ServiceCostTable
    months: MonthCostTable
    more_services: int
    explorer_url: str
    converted: Conversion | None


def cost_panel(request: HttpRequest, use_case: Any) -> dict[str, Any] | None:
    """The variables of the panel; None for who may not see costs."""
    if not may_see_costs(request.user):
        return None
    now = timezone.now()
    costs = use_case_costs(use_case_id=use_case.pk, now=now)
    conversions = conversions_of(costs, currency=use_case.programme.currency, now=now)
    sections = [_section(each, use_case.slug, conversions.get(each.kind), now) for each in costs]
    rules = rules_giving_to(use_case.pk)
    may_edit = may_edit_allocation_rules(request.user)
    return {
        "sections": sections,
        "rules": [(rule, rule.share_text) for rule in rules],
        "may_edit": may_edit,
        "no_cost": _no_cost(use_case.slug, bool(rules), may_edit),
    }


def _no_cost(slug: str, has_rules: bool, may_edit: bool) -> EmptyState:
    text = (
        "Allocation rules give to this use case, but no imported charge matches them yet."
        if has_rules
        else "A cost appears here once an allocation rule says which charges belong to it."
    )
    if may_edit and not has_rules:
        address = f"{reverse('allocation-rule-new')}?use_case={slug}"
        return EmptyState("No cost is allocated yet", text, "Make an allocation rule", address)
    return EmptyState(
        "No cost is allocated yet", text, "See what is unallocated", reverse("costs-unallocated")
    )


def _section(
    found: KindOfCost, slug: str, converted: Conversion | None, now: dt.datetime
) -> CostSection:
    kind = found.kind
    heading = f"{kind.currency}, {kind.basis_label.lower()}"
    whole = FigureReference(use_case=slug, currency=kind.currency, basis=kind.basis)
    first, last = found.window
    window = whole.with_(first=first, last=last)
    return CostSection(
        heading=heading,
        figures=[
            cost_figure(found.total, whole, label="Billed to date", now=now, window=""),
            cost_figure(
                found.total,
                whole.with_(measure="effective"),
                label="Effective to date",
                now=now,
                window="",
            ),
            _unallocated_share(found, window, now),
        ],
        chart=month_chart([(month.label, each) for month, each in found.months], kind=kind),
        services=ServiceCostTable.of(
            _service_rows(found, window, now), caption=f"Cost by service in {heading}"
        ),
        months=MonthCostTable.of(
            _month_rows(found, whole, now), caption=f"Cost by month in {heading}"
        ),
        more_services=max(0, len(found.services) - _MOST_SERVICES),
        explorer_url=window.with_(measure="billed").explorer_url,
        converted=converted,
    )


def _unallocated_share(found: KindOfCost, window: FigureReference, now: dt.datetime) -> Figure:
    """How much of the same services nobody bears: it could belong here."""
    label = "Unallocated in these services"
    total = found.services_total
    share = share_of(total.unallocated_nano, total.billed_nano)
    if share is None or not 0 <= share <= 1:
        return Figure.missing(label, "credits outweigh charges, so a share says nothing")
    return Figure(
        label=label,
        value=share,
        kind=FigureKind.SHARE,
        status=status_of(found.total, now=now),
        window=window.window_text,
        note=f"{nano_money_text(total.unallocated_nano, found.kind.currency)} billed",
        lineage_url=window.with_(use_case=UNALLOCATED).explorer_url + "&group=service",
    )


def _service_rows(
    found: KindOfCost, window: FigureReference, now: dt.datetime
) -> list[dict[str, Any]]:
    rows = []
    for each in found.services[:_MOST_SERVICES]:
        provider, service = each.key
        billed = window.with_(provider=spelled(provider), service=spelled(service))
        rows.append(
            {
                "service": service,
                "provider": provider,
                "billed": cost_figure(each, billed, now=now),
                "effective": cost_figure(each, billed.with_(measure="effective"), now=now),
            }
        )
    return rows


def _month_rows(
    found: KindOfCost, whole: FigureReference, now: dt.datetime
) -> list[dict[str, Any]]:
    rows = []
    for month, each in reversed(found.months):
        billed = whole.with_(first=month, last=month)
        figures = {
            measure: Figure.missing(measure.capitalize(), NO_LINE)
            if each is None
            else cost_figure(each, billed.with_(measure=measure), now=now)
            for measure in ("billed", "effective")
        }
        rows.append({"month": month.label, **figures})
    return rows


def cost_to_date_column(use_case_ids: Sequence[int]) -> dict[int, Figure]:
    """Billed cost to date of each use case that has any, for the portfolio.

    Costs in several currencies or bases have no single amount, and the figure says so.
    """
    now = timezone.now()
    names = use_case_names(use_case_ids)
    found: dict[int, Figure] = {}
    for pk, sums in costs_to_date(use_case_ids, now=now).items():
        reference = FigureReference(use_case=names[pk].slug)
        if len(sums) == 1:
            found[pk] = cost_figure(sums[0], reference, label="Cost to date", now=now, window="")
        else:
            kinds = ", ".join(f"{each.kind.currency} {each.kind.basis}" for each in sums)
            found[pk] = Figure.missing("Cost to date", f"several sums that do not add up: {kinds}")
    return found
