"""The portfolio page."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.urls import reverse
from django.utils import timezone

from adoption.filters.portfolio import PortfolioFilters
from adoption.policies import may_register_use_case, may_see_registry
from adoption.selectors.portfolio import portfolio_rows
from adoption.tables.portfolio import PortfolioTable
from portal.shell.navigation import Visitor
from portal.shell.paging import Source
from portal.shell.views import Action, EmptyState, ListPage


class PortfolioPage(ListPage):
    """One row a use case. Filters, group, sort and page are in the URL; CSV of what is shown."""

    title = "Portfolio"
    lead = "Every use case: where it stands, what it has promised next, and what is known about it."
    noun_plural = "use cases"
    export_name = "portfolio"
    table_class = PortfolioTable
    filterset_class = PortfolioFilters
    template_name = "adoption/portfolio_list.html"
    fragment_template_name = "adoption/_portfolio_table.html"

    def allows(self, user: Visitor) -> bool:
        return may_see_registry(user)  # type: ignore[arg-type]

    def get_queryset(self) -> Source:
        return portfolio_rows(self.request.user)

    def make_table(self, source: Source) -> PortfolioTable:
        return PortfolioTable(
            source,
            query=self.request.GET,
            path=self.request.path,
            group=self.request.GET.get("group", ""),
            now=timezone.now(),
        )

    def get_empty(self) -> EmptyState:
        return EmptyState(
            "No use case has been registered yet",
            "A use case starts with a problem worth solving and somebody who answers for it. "
            "Register the first one; milestones, deliveries and cost gather around it.",
            "Register a use case",
            reverse("use-case-new"),
        )

    def get_actions(self) -> Sequence[Action]:
        actions = [Action("As an inventory (OMB form)", reverse("use-case-export"))]
        if may_register_use_case(self.request.user):
            actions.append(Action("Register a use case", reverse("use-case-new"), is_primary=True))
        return actions

    def get_context_data(self) -> dict[str, Any]:
        return {"metrics_url": reverse("metric-list")}
