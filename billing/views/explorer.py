"""The cost explorer: filter, group, narrow down, export."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from typing import Any, NamedTuple
from urllib.parse import urlencode

from django.core.exceptions import BadRequest, PermissionDenied, ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.urls import reverse
from django.utils import timezone

from billing.filters.costs import GROUP_LABELS, CostFilters
from billing.forms.fields import USE_CASE_LIST, UseCaseField
from billing.policies import may_see_charges, may_see_costs
from billing.selectors.as_of import TooManyChargesError
from billing.selectors.choices_in_use import newest_month
from billing.selectors.costs import Costs, CostSum, Group, Kind, PresentCosts, merge_sums
from billing.selectors.coverage import Coverage, coverage_of
from billing.selectors.daily_costs import monthly_costs_visible_to
from billing.selectors.figures import cost_figure
from billing.selectors.moments import BadMomentError, parse_moment
from billing.selectors.open_suspicions import suspicions_in
from billing.selectors.past_costs import past_costs
from billing.selectors.pivots import largest_kind, pivot_of
from billing.selectors.references import (
    LIMITS,
    MEASURES,
    BadReferenceError,
    FigureReference,
    scope_of,
)
from billing.selectors.use_cases import all_use_case_names
from billing.tables.costs import CostTable, LargestCostTable
from billing.views.cost_charts import largest_chart, month_chart, with_silent_months
from billing.views.cost_groups import GroupNames, names_for
from billing.views.cost_pivot import PivotView, kinds_of
from billing.views.cost_shares import coverage_figures, unallocated_figure
from portal.limits import take_turn
from portal.shell.figures import Figure
from portal.shell.htmx import is_fragment
from portal.shell.navigation import Visitor
from portal.shell.paging import Source
from portal.shell.periods import Month
from portal.shell.refusals import UnreadableRequestError, unreadable
from portal.shell.tables import ShellTable
from portal.shell.views import Action, EmptyState, ListPage
from portal.shell.workbooks import TooManyRowsError, xlsx_response

_SHOWN_AT_FIRST = 6  # months
_MOST_CHARTS = 2
_LIMITS = ("from", "to", "use_case", "team", *(key for key in LIMITS if key != "category"))


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
        is_allowed = self.allows(request.user)  # who is not is refused below
        if not request.GET and is_allowed and (newest := newest_month()):
            window = {"from": str(newest - (_SHOWN_AT_FIRST - 1)), "to": str(newest)}
            return HttpResponseRedirect(f"{request.path}?{urlencode(window)}")
        self.now = timezone.now()
        self.at: dt.datetime | None = None
        self.refused = ""
        if is_allowed and request.GET.get("as_of", "").strip():
            with suppress(BadMomentError):  # the filter form says what is wrong
                self.at = parse_moment(request.GET["as_of"], now=self.now)
            if self.at is not None and not (request.GET.get("from") or request.GET.get("to")):
                return HttpResponseRedirect(self._months_before(self.at))
            # Every status, and whether a month was open, is told as it was.
            self.now = self.at or self.now
        self.groups: list[Named] = []
        self.unallocated: dict[Kind, CostSum] = {}
        self.coverage: dict[Kind, Coverage] = {}
        self.pivot: PivotView | None = None
        self.kinds: list[Kind] = []
        if request.GET.get("export") == "xlsx":
            return self._workbook(request)
        return super().get(request, *args, **kwargs)

    def _months_before(self, at: dt.datetime) -> str:
        """The same question about the newest months that there were at a moment."""
        newest = min(newest_month() or Month.of(at.date()), Month.of(at.date()))
        query = self.request.GET.copy()
        query["from"], query["to"] = str(newest - (_SHOWN_AT_FIRST - 1)), str(newest)
        return f"{self.request.path}?{query.urlencode()}"

    def _workbook(self, request: HttpRequest) -> HttpResponseBase:
        """What is shown, all its pages, as a spreadsheet.

        Raises:
            PermissionDenied: this person may not see costs.
            UnreadableRequestError: a filter cannot be read, or as of the moment there is too much.
            BadRequest: it does not fit.
            TooManyRequestsError: the person exports too often.
        """
        if not self.allows(request.user):
            raise PermissionDenied
        filterset = self._filterset(request)
        table = self.make_table(filterset.rows())
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
        costs = self._costs(source)
        across = self.across
        by: tuple[Group, ...]
        if across is not None:
            by = (self.group, across)
        else:
            by = (Group.SERVICE, Group.PROVIDER) if self.group == Group.SERVICE else (self.group,)
        sums = costs.sums(by)
        self.kinds = kinds_of(sums)
        names = names_for(by, sums)
        self._cover(costs, sums)
        if across is not None and (kind := largest_kind(sums)):
            return self._pivot_table(sums, kind, across, names)
        self.groups = [Named(each, *self._narrow(each, names)) for each in sums]
        records = [self._record(each) for each in self.groups]
        table_class = CostTable if self.group == Group.MONTH else LargestCostTable
        return table_class(records, query=self.request.GET, path=self.request.path)

    def _filterset(self, request: HttpRequest) -> CostFilters:
        """The filters.

        Raises:
            UnreadableRequestError: one cannot be read, and a file of nothing would say nothing.
        """
        self.filterset = CostFilters(request.GET, queryset=self.get_queryset(), request=request)
        if request.GET.get("export") and not self.filterset.is_readable:
            raise unreadable(self.filterset.form)
        return self.filterset

    def _costs(self, source: QuerySet[Any]) -> Costs:
        """What is summed: the roll-up, or the lines as they were recorded at the moment.

        Raises:
            UnreadableRequestError: for a file, there are too many lines to go through.
        """
        if self.at is None or not self.filterset.is_readable:
            return PresentCosts(source, self.now)
        self.reference = self.reference.with_(at=self.at)
        try:
            # Whoever may see costs sees those of every use case; the form has looked this one up.
            return past_costs(scope_of(self.reference, None), self.at)
        except TooManyChargesError as error:
            if self.request.GET.get("export"):
                raise UnreadableRequestError(str(error)) from error
            self.refused = str(error)
            return PresentCosts(source.none(), self.now)

    def _cover(self, costs: Costs, sums: Sequence[CostSum]) -> None:
        """What is unallocated, and the coverage, by currency and basis."""
        if self.reference.use_case or self.reference.team:
            return
        nowhere = costs.unallocated().sums((Group.REASON,))
        self.unallocated = {each.kind: each for each in merge_sums(nowhere, keep=())}
        whole = merge_sums(sums, keep=())
        self.coverage = {each.kind: each for each in coverage_of(whole, nowhere)}

    def _pivot_table(
        self, sums: Sequence[CostSum], kind: Kind, across: Group, names: GroupNames
    ) -> ShellTable:
        asked = self.request.GET.get("measure", "")
        measure = asked if asked in MEASURES else MEASURES[0]
        reference = self.reference.with_(measure=measure)
        rows = merge_sums([each for each in sums if each.kind == kind], keep=(0,))
        self.pivot = PivotView(
            pivot_of(sums, kind=kind, across=across, measure=measure),
            group=self.group,
            across=across,
            names=names,
            reference=reference,
            rows=rows,
            now=self.now,
        )
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
        found = [Action("Exports", reverse("cost-exports"))]
        if may_see_charges(self.request.user):
            found.append(Action("Unmapped", reverse("costs-unmapped")))
        return [*found, Action("Allocation rules", reverse("allocation-rules"))]

    def get_context_data(self) -> dict[str, Any]:
        totals = merge_sums((group.sum for group in self.groups), keep=())
        totals.sort(key=lambda total: -total.lines)  # most lines first, as the pivot chooses
        return {
            "totals": [(total, self._total_figures(total)) for total in totals],
            "charts": [self._chart(total.kind) for total in totals[:_MOST_CHARTS]],
            "use_cases": [] if is_fragment(self.request) else all_use_case_names(self.request.user),
            "use_case_list": USE_CASE_LIST,
            "reference": self.reference,
            "other_kinds": self._other_kinds() if self.pivot else [],
            "workbook_url": self._workbook_url(),
            "at": self.at if self.filterset.is_readable else None,
            "now_url": self._now_url(),
            "refused": self.refused or self._moment_problem(),
            "suspicions": suspicions_in(self.reference),
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

    def _now_url(self) -> str:
        query = self.request.GET.copy()
        for name in ("as_of", "page"):
            query.pop(name, None)
        return f"{self.request.path}?{query.urlencode()}"

    def _moment_problem(self) -> str:
        """What is wrong with the moment, for the part that is exchanged alone: the form, which
        says it too, stays as it is then."""
        problems = self.filterset.form.errors.get("as_of", [])
        return " ".join(map(str, problems)) if is_fragment(self.request) else ""

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
            return month_chart(with_silent_months(shown), kind=kind)
        return largest_chart(shown, kind=kind, noun=GROUP_LABELS[self.group].lower())

    def _total_figures(self, total: CostSum) -> list[Figure]:
        reference = self.reference
        figures = [
            cost_figure(total, reference, now=self.now),
            cost_figure(total, reference.with_(measure="effective"), now=self.now),
        ]
        if not (reference.use_case or reference.team):
            nowhere, coverage = self.unallocated.get(total.kind), self.coverage.get(total.kind)
            figures += [
                unallocated_figure(total, nowhere, reference, now=self.now),
                *coverage_figures(total, coverage, reference, now=self.now),
            ]
        return figures
