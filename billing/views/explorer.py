"""The cost explorer: filter, group, narrow down, export."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any, NamedTuple
from urllib.parse import urlencode

from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.urls import reverse
from django.utils import timezone

from billing.filters.costs import GROUP_LABELS, CostFilters
from billing.forms.fields import NOWHERE, USE_CASE_LIST, UseCaseField
from billing.policies import may_see_costs
from billing.selectors.choices_in_use import newest_month
from billing.selectors.costs import CostSum, Group, Kind, cost_sums, merge_sums
from billing.selectors.daily_costs import monthly_costs_visible_to
from billing.selectors.figures import cost_figure, status_of
from billing.selectors.references import UNALLOCATED, BadReferenceError, FigureReference
from billing.selectors.use_cases import UseCaseName, all_use_case_names, use_case_names
from billing.tables.costs import CostTable, LargestCostTable
from billing.views.cost_charts import largest_chart, month_chart
from portal.shell.figures import Figure, FigureKind, share_of
from portal.shell.formats import nano_money_text
from portal.shell.htmx import is_fragment
from portal.shell.navigation import Visitor
from portal.shell.paging import Source
from portal.shell.periods import Month
from portal.shell.views import Action, EmptyState, ListPage

_SHOWN_AT_FIRST = 6  # months
_MOST_CHARTS = 2
_LIMITS = ("from", "to", "use_case", "service", "provider", "currency", "basis", "reason")


class Named(NamedTuple):
    """A group with its name and the limits that make a figure of it alone."""

    sum: CostSum
    name: str
    limits: dict[str, Any]


class CostExplorerPage(ListPage):
    """All money by month, service, provider or use case. Months and days are UTC."""

    title = "Costs"
    lead = "What was billed and what it amounts to, by month, service, provider or use case."
    noun_plural = "sums"
    export_name = "costs"
    table_class = CostTable
    filterset_class = CostFilters
    template_name = "billing/cost_list.html"
    fragment_template_name = "billing/_cost_table.html"

    def allows(self, user: Visitor) -> bool:
        return may_see_costs(user)  # type: ignore[arg-type]

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Without any question in the address, ask for the newest months and say so there."""
        if not request.GET and self.allows(request.user) and (newest := newest_month()):
            window = {"from": str(newest - (_SHOWN_AT_FIRST - 1)), "to": str(newest)}
            return HttpResponseRedirect(f"{request.path}?{urlencode(window)}")
        self.now = timezone.now()
        self.groups: list[Named] = []
        self.unallocated: dict[Kind, CostSum] = {}
        return super().get(request, *args, **kwargs)

    def get_queryset(self) -> Source:
        return monthly_costs_visible_to(self.request.user)

    @property
    def group(self) -> Group:
        asked = self.request.GET.get("group", "")
        return Group(asked) if asked in GROUP_LABELS else Group.MONTH

    def make_table(self, source: Source) -> CostTable:
        assert isinstance(source, QuerySet)  # noqa: S101  (for the type checker)
        try:
            self.reference = self._reference()
        except (BadReferenceError, ValidationError):
            self.reference = FigureReference()  # the filter form says what is wrong
        by = (Group.SERVICE, Group.PROVIDER) if self.group == Group.SERVICE else (self.group,)
        sums = cost_sums(source, by=by, now=self.now)
        is_by_use_case = self.group == Group.USE_CASE
        names = use_case_names(each.key[0] for each in sums if is_by_use_case)
        self.groups = [Named(each, *self._narrow(each, names)) for each in sums]
        if not self.reference.use_case:
            nowhere = source.filter(use_case__isnull=True)
            self.unallocated = {each.kind: each for each in cost_sums(nowhere, now=self.now)}
        records = [self._record(each) for each in self.groups]
        table_class = CostTable if self.group == Group.MONTH else LargestCostTable
        return table_class(records, query=self.request.GET, path=self.request.path)

    def _reference(self) -> FigureReference:
        """The filters as a figure's reference; a title that was typed becomes a slug."""
        values = {name: self.request.GET.get(name, "") for name in _LIMITS}
        if values["use_case"]:
            found = UseCaseField(allow_unallocated=True).clean(values["use_case"])
            values["use_case"] = found.slug if found else ""
        return FigureReference.of(values)

    def _narrow(self, each: CostSum, names: dict[int, UseCaseName]) -> tuple[str, dict[str, Any]]:
        """The name of a group, and the limits that make a figure of it alone."""
        value = each.key[0]
        if self.group == Group.MONTH:
            month = Month.parse(value)
            return month.label, {"first": month, "last": month}
        if self.group == Group.USE_CASE:
            found = names.get(value, NOWHERE)
            return found.title, {"use_case": found.slug}
        if self.group == Group.PROVIDER:
            return value, {"provider": value}
        return value, {"service": value, "provider": each.key[1]}

    def _record(self, group: Named) -> dict[str, Any]:
        each = group.sum
        billed = self.reference.with_(**group.limits)
        effective = billed.with_(measure="effective")
        # A service leads on to its use cases, everything else to its services.
        following = Group.USE_CASE if self.group == Group.SERVICE else Group.SERVICE
        return {
            "name": group.name,
            "sub": each.key[1] if self.group == Group.SERVICE else "",
            "place": each.key[0] if self.group == Group.MONTH else group.name.casefold(),
            "url": f"{billed.explorer_url}&group={following}",
            "billed": partial(cost_figure, each, billed, now=self.now, window=""),
            "effective": partial(cost_figure, each, effective, now=self.now, window=""),
            "billed_nano": each.billed_nano,
            "effective_nano": each.effective_nano,
            "currency": each.kind.currency,
            "basis": each.kind.basis,
            "lines": each.lines,
            "newest_day": each.newest_day,
        }

    def get_empty(self) -> EmptyState:
        return EmptyState(
            "No cost has been imported yet",
            "Import a provider's bill first; every line of it appears here, allocated or not.",
        )

    def get_actions(self) -> Sequence[Action]:
        return [
            Action("What is unallocated", reverse("costs-unallocated")),
            Action("Allocation rules", reverse("allocation-rules")),
        ]

    def get_context_data(self) -> dict[str, Any]:
        totals = merge_sums((group.sum for group in self.groups), keep=())
        return {
            "totals": [(total, self._total_figures(total)) for total in totals],
            "charts": [self._chart(total.kind) for total in totals[:_MOST_CHARTS]],
            "use_cases": [] if is_fragment(self.request) else all_use_case_names(self.request.user),
            "use_case_list": USE_CASE_LIST,
            "reference": self.reference,
        }

    def _chart(self, kind: Kind) -> Any:
        shown = [(group.name, group.sum) for group in self.groups if group.sum.kind == kind]
        if self.group == Group.MONTH:
            return month_chart(shown, kind=kind)
        return largest_chart(shown, kind=kind, noun=GROUP_LABELS[self.group].lower())

    def _total_figures(self, total: CostSum) -> list[Figure]:
        reference = self.reference
        figures = [
            cost_figure(total, reference, now=self.now),
            cost_figure(total, reference.with_(measure="effective"), now=self.now),
        ]
        if not reference.use_case:
            figures.append(self._unallocated(total))
        return figures

    def _unallocated(self, total: CostSum) -> Figure:
        """The share of what was billed that no use case bears, linked to what it is."""
        found = self.unallocated.get(total.kind)
        nano = found.billed_nano if found else 0
        share = share_of(nano, total.billed_nano)
        if share is None or not 0 <= share <= 1:
            return Figure.missing("Unallocated", "credits outweigh charges: a share says nothing")
        kind = total.kind
        where = self.reference.with_(use_case=UNALLOCATED, currency=kind.currency, basis=kind.basis)
        return Figure(
            label="Unallocated",
            value=share,
            kind=FigureKind.SHARE,
            status=status_of(total, now=self.now),
            note=f"{nano_money_text(nano, kind.currency)} billed",
            lineage_url=f"{where.explorer_url}&group=service",
        )
