"""The cost explorer: filter, group, narrow down, export."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any, NamedTuple
from urllib.parse import urlencode

from django.core.exceptions import BadRequest, PermissionDenied, ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.urls import reverse
from django.utils import timezone

from billing.choices import UnallocatedReason
from billing.filters.costs import GROUP_LABELS, CostFilters
from billing.forms.fields import USE_CASE_LIST, UseCaseField
from billing.policies import may_see_costs
from billing.selectors.choices_in_use import newest_month
from billing.selectors.costs import CostSum, Group, Kind, cost_sums, merge_sums
from billing.selectors.coverage import NO_SHARE, Coverage, coverage_of
from billing.selectors.daily_costs import monthly_costs_visible_to
from billing.selectors.figures import cost_figure, status_of
from billing.selectors.pivots import largest_kind, pivot_of
from billing.selectors.references import (
    LIMITS,
    MEASURES,
    UNALLOCATED,
    BadReferenceError,
    FigureReference,
)
from billing.selectors.use_cases import all_use_case_names
from billing.tables.costs import CostTable, LargestCostTable
from billing.views.cost_charts import largest_chart, month_chart
from billing.views.cost_groups import GroupNames, names_for
from billing.views.cost_pivot import PivotView, kinds_of
from portal.limits import take_turn
from portal.shell.figures import Figure, FigureKind, share_of
from portal.shell.formats import nano_money_text
from portal.shell.htmx import is_fragment
from portal.shell.navigation import Visitor
from portal.shell.paging import Source
from portal.shell.tables import ShellTable
from portal.shell.views import Action, EmptyState, ListPage
from portal.shell.workbooks import TooManyRowsError, xlsx_response

_SHOWN_AT_FIRST = 6  # months
_MOST_CHARTS = 2
_LIMITS = ("from", "to", "use_case", "team", *LIMITS)


class Named(NamedTuple):
    """A group with its name and the limits that make a figure of it alone."""

    sum: CostSum
    name: str
    limits: dict[str, Any]


class CostExplorerPage(ListPage):
    """All money by two of its attributes at a time. Months and days are UTC."""

    title = "Costs"
    lead = "What was billed and what it amounts to, by any two attributes at a time."
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
        self.coverage: dict[Kind, Coverage] = {}
        self.pivot: PivotView | None = None
        self.kinds: list[Kind] = []
        if request.GET.get("export") == "xlsx":
            return self._workbook(request)
        return super().get(request, *args, **kwargs)

    def _workbook(self, request: HttpRequest) -> HttpResponseBase:
        """What is shown, all its pages, as a spreadsheet.

        Raises:
            PermissionDenied: this person may not see costs.
            BadRequest: a filter cannot be read, or it does not fit.
            TooManyRequestsError: the person exports too often.
        """
        if not self.allows(request.user):
            raise PermissionDenied
        filterset = CostFilters(request.GET, queryset=self.get_queryset(), request=request)
        table = self.make_table(filterset.rows())
        if not filterset.is_readable:
            raise BadRequest("a filter cannot be read, so there is nothing to export")
        take_turn("export", f"person {request.user.pk}")
        try:
            return xlsx_response(self.export_name, table.export_headings(), table.export_rows())
        except TooManyRowsError as error:
            raise BadRequest(str(error)) from error

    def get_queryset(self) -> Source:
        return monthly_costs_visible_to(self.request.user)

    @property
    def group(self) -> Group:
        asked = self.request.GET.get("group", "")
        return Group(asked) if asked in GROUP_LABELS else Group.MONTH

    @property
    def across(self) -> Group | None:
        """What the columns are; None without columns."""
        asked = self.request.GET.get("across", "")
        return Group(asked) if asked in GROUP_LABELS and asked != self.group else None

    def make_table(self, source: Source) -> ShellTable:
        assert isinstance(source, QuerySet)  # noqa: S101  (for the type checker)
        try:
            self.reference = self._reference()
        except (BadReferenceError, ValidationError):
            self.reference = FigureReference()  # the filter form says what is wrong
        across = self.across
        by: tuple[Group, ...]
        if across is not None:
            by = (self.group, across)
        else:
            by = (Group.SERVICE, Group.PROVIDER) if self.group == Group.SERVICE else (self.group,)
        sums = cost_sums(source, by=by, now=self.now)
        self.kinds = kinds_of(sums)
        names = names_for(by, sums)
        self._cover(source, sums)
        if across is not None and (kind := largest_kind(sums)):
            return self._pivot_table(sums, kind, across, names)
        self.groups = [Named(each, *self._narrow(each, names)) for each in sums]
        records = [self._record(each) for each in self.groups]
        table_class = CostTable if self.group == Group.MONTH else LargestCostTable
        return table_class(records, query=self.request.GET, path=self.request.path)

    def _cover(self, source: QuerySet[Any], sums: Sequence[CostSum]) -> None:
        """What is unallocated, and the coverage, by currency and basis."""
        if self.reference.use_case or self.reference.team:
            return
        nowhere = cost_sums(source.filter(use_case__isnull=True), by=(Group.REASON,), now=self.now)
        self.unallocated = {each.kind: each for each in merge_sums(nowhere, keep=())}
        whole = merge_sums(sums, keep=())
        self.coverage = {each.kind: each for each in coverage_of(whole, nowhere)}

    def _pivot_table(
        self, sums: Sequence[CostSum], kind: Kind, across: Group, names: GroupNames
    ) -> ShellTable:
        asked = self.request.GET.get("measure", "")
        measure = asked if asked in MEASURES else MEASURES[0]
        reference = self.reference.with_(measure=measure)
        self.pivot = PivotView(
            pivot_of(sums, kind=kind, across=across, measure=measure),
            group=self.group,
            across=across,
            names=names,
            reference=reference,
        )
        rows = merge_sums([each for each in sums if each.kind == kind], keep=(0,))
        self.groups = [Named(each, *names.of(self.group, each.key[0])) for each in rows]
        return self.pivot.table(query=self.request.GET, path=self.request.path)

    def _reference(self) -> FigureReference:
        """The filters as a figure's reference; a title that was typed becomes a slug."""
        values = {name: self.request.GET.get(name, "") for name in _LIMITS}
        if values["use_case"]:
            found = UseCaseField(allow_unallocated=True).clean(values["use_case"])
            values["use_case"] = found.slug if found else ""
        return FigureReference.of(values)

    def _narrow(self, each: CostSum, names: GroupNames) -> tuple[str, dict[str, Any]]:
        """The name of a group, and the limits that make a figure of it alone."""
        name, limits = names.of(self.group, each.key[0])
        if self.group == Group.SERVICE:
            limits = {**limits, "provider": each.key[1]}
        return name, limits

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
            Action("Exports", reverse("cost-exports")),
            Action("Unmapped", reverse("costs-unmapped")),
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
            "other_kinds": self._other_kinds() if self.pivot else [],
            "workbook_url": self._workbook_url(),
        }

    def _other_kinds(self) -> list[tuple[str, str]]:
        """Links to the same with another currency or basis."""
        assert self.pivot is not None  # noqa: S101  (the caller has looked)
        shown = self.pivot.pivot.kind
        return [
            (f"{kind.currency}, {kind.basis_label.lower()}", self._url(kind))
            for kind in self.kinds
            if kind != shown
        ]

    def _url(self, kind: Kind) -> str:
        query = self.request.GET.copy()
        query["currency"], query["basis"] = kind.currency, kind.basis
        query.pop("page", None)
        return f"{self.request.path}?{query.urlencode()}"

    def _workbook_url(self) -> str:
        query = self.request.GET.copy()
        query.pop("page", None)
        query["export"] = "xlsx"
        return f"{self.request.path}?{query.urlencode()}"

    def _chart(self, kind: Kind) -> Any:
        if self.pivot is not None:
            return self.pivot.chart()
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
        if not (reference.use_case or reference.team):
            figures += [self._unallocated(total), *self._coverage(total)]
        return figures

    def _coverage(self, total: CostSum) -> list[Figure]:
        """Metric 20: allocated of effective cost, and apart the commitments that nobody used."""
        found = self.coverage.get(total.kind)
        if found is None or found.share is None:
            return [Figure.missing("Allocation coverage", found.why_not if found else NO_SHARE)]
        facts: dict[str, Any] = {
            "kind": FigureKind.SHARE,
            "status": status_of(total, now=self.now),
            "definition_url": reverse("cost-definitions"),
        }
        unknown = f"without {found.unknown} lines that state none" if found.unknown else ""
        figures = [
            Figure(label="Allocation coverage", value=found.share,
                   note=unknown or "of effective cost", **facts)
        ]  # fmt: skip
        if found.unused_nano:
            where = self.reference.with_(
                use_case=UNALLOCATED, reason=UnallocatedReason.UNUSED_COMMITMENT,
                currency=total.kind.currency, basis=total.kind.basis, measure="effective",
            )  # fmt: skip
            amount = nano_money_text(found.unused_nano, total.kind.currency)
            figures.append(
                Figure(label="Unused commitment", value=found.unused_share,
                       note=f"{amount} effective", lineage_url=where.lineage_url, **facts)
            )  # fmt: skip
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
