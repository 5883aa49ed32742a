"""The list of restatements: what sources revised, and by how much."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from django.urls import reverse

from billing.filters.restatements import RestatementFilters
from billing.policies import may_see_costs
from billing.selectors.restatements import restatements_visible_to
from billing.tables.restatements import RestatementTable, RestatementWithRunTable
from billing.views.moments import AsOfListPage
from portal.policies import may_see_imports
from portal.shell.formats import moment_text
from portal.shell.navigation import Visitor
from portal.shell.paging import Source
from portal.shell.views import Crumb, EmptyState


class RestatementListPage(AsOfListPage):
    """Old → new → why. Kept for ever; earlier answers stay answerable with `as_of`."""

    title = "Restatements"
    lead = "Figures that a source revised after they had been imported: old, new and why."
    noun_plural = "restatements"
    export_name = "restatements"
    table_class = RestatementTable
    filterset_class = RestatementFilters

    def allows(self, user: Visitor) -> bool:
        return may_see_costs(user)  # type: ignore[arg-type]

    def get_queryset(self) -> Source:
        return restatements_visible_to(self.request.user)

    def make_table(self, source: Source) -> RestatementTable:
        may_open = may_see_imports(self.request.user)
        table_class = RestatementWithRunTable if may_open else RestatementTable
        return table_class(source, query=self.request.GET, path=self.request.path, at=self.at)

    def get_breadcrumbs(self) -> Sequence[Crumb]:
        return [Crumb("Costs", reverse("costs"))]

    def get_empty(self) -> EmptyState:
        return EmptyState(
            "Nothing has been restated",
            "When a source sends other amounts for days already imported, the old and the new sum "
            "are listed here.",
        )

    def get_past_empty(self, at: dt.datetime) -> EmptyState:
        return EmptyState(
            "Nothing had been restated then",
            f"Up to {moment_text(at)} no source had sent other amounts for days already imported.",
        )
