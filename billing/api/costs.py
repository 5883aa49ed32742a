"""What it cost: daily rows, and the sums of one use case, now or as recorded at a moment."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from functools import partial
from typing import Any, ClassVar, NamedTuple

from django.db.models import QuerySet
from django.http import Http404
from django.utils import timezone
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request

from adoption.selectors.use_cases import use_cases_visible_to
from billing.api.cost_shapes import (
    DailyCostFilters,
    DailyCostSerializer,
    MonthsFilters,
    UseCaseCostsSerializer,
)
from billing.api.past_pages import past_days_response, too_much
from billing.models import DailyCost, MonthlyCost
from billing.policies import may_see_costs
from billing.selectors.as_of import TooManyChargesError
from billing.selectors.costs import CostSum, Group, Kind, cost_sums, merge_sums
from billing.selectors.daily_costs import daily_costs_visible_to, monthly_costs_visible_to, within
from billing.selectors.figures import status_of
from billing.selectors.finality import Settledness, finality_of
from billing.selectors.freshness import last_applied_runs
from billing.selectors.past_costs import past_costs
from billing.selectors.references import UNALLOCATED, FigureReference, Scope, spelled
from portal.api.errors import FieldProblem, invalid
from portal.api.etags import content_tag
from portal.api.figures import figure
from portal.api.schema import operation, page_of, path_slug
from portal.api.views import (
    ApiView,
    absolute,
    address,
    conditional,
    list_response,
    read_query,
)
from portal.shell.periods import Month

TAG = "Costs"
EFFECTIVE_NOT_STATED = "effective_cost_not_stated"


def _figures(
    request: Request, cost: CostSum, reference: FigureReference, *, now: dt.datetime
) -> dict[str, Any]:
    """Both figures of a sum as known at `now`, which may be an earlier moment.

    `reference` says which money; currency and basis are put in here.
    """
    kind = cost.kind
    exact = reference.with_(currency=kind.currency, basis=kind.basis)
    amortised = exact.with_(measure="effective")
    common: dict[str, Any] = {
        "unit": "money",
        "currency": kind.currency,
        "basis": kind.basis,
        "status": status_of(cost, now=now),
        "as_of": cost.as_of,
    }
    return {
        "billed": figure(
            cost.billed_nano, lineage_url=absolute(request, exact.lineage_url), **common
        ),
        "effective": figure(
            cost.effective_nano,
            reason=EFFECTIVE_NOT_STATED,
            lineage_url=absolute(request, amortised.lineage_url),
            **common,
        ),
        "effective_unknown": cost.effective_unknown,
        "charges": cost.lines,
    }


def _day_sum(row: dict[str, Any], runs: Mapping[int, dt.datetime], *, now: dt.datetime) -> CostSum:
    """One row of the roll-up as the sum that it is."""
    facts = Settledness(
        newest_day=row["day"],
        uninvoiced=row["uninvoiced"],
        restated=row["restated"],
        changed_at=row["changed_at"],
        is_closed=row["closed"] >= row["charges"],
    )
    return CostSum(
        key=(),
        kind=Kind(row["currency"], row["cost_basis"]),
        billed_nano=row["billed_nano"],
        effective_known_nano=row["effective_nano"],
        effective_unknown=row["effective_unknown"],
        lines=row["charges"],
        finality=finality_of(facts, now=now),
        as_of=runs.get(row["connection_id"]),
        newest_day=row["day"],
    )


class _Known(NamedTuple):
    """When the rows are known, and the imports until then; `at` None is now."""

    now: dt.datetime
    runs: Mapping[int, dt.datetime]
    at: dt.datetime | None = None


def _present_days(
    request: Request, rows: list[dict[str, Any]], known: _Known
) -> list[dict[str, Any]]:
    return [_present_day(request, row, known) for row in rows]


def _present_day(request: Request, row: dict[str, Any], known: _Known) -> dict[str, Any]:
    # Every attribute of the row: its figure is this row and nothing beside it.
    reference = FigureReference(
        use_case=row["use_case__slug"] or UNALLOCATED,
        connection=row["connection__slug"],
        category=row["charge_category"],
        reason=row["unallocated_reason"],
        at=known.at,
        service=spelled(row["service_name"]),
        provider=spelled(row["provider"]),
        model=spelled(row["model"]),
        cost_center=spelled(row["cost_center"]),
    ).on(row["day"])
    cost = _day_sum(row, known.runs, now=known.now)
    return {
        "day": row["day"],
        "use_case": row["use_case__slug"],
        "unallocated_reason": row["unallocated_reason"] or None,
        "connection": row["connection__slug"],
        "provider": row["provider"],
        "service": row["service_name"],
        "category": row["charge_category"],
        **_figures(request, cost, reference, now=known.now),
    }


def _visible_costs(request: Request) -> QuerySet[DailyCost]:
    if not may_see_costs(request.user):
        raise PermissionDenied
    return daily_costs_visible_to(request.user)


class DailyCostsView(ApiView):
    """The daily roll-up."""

    scopes: ClassVar[dict[str, str]] = {"GET": "costs:read"}
    ordering: ClassVar[tuple[str, ...]] = ("day", "id")
    columns: ClassVar[tuple[str, ...]] = (
        "id", "day", "connection_id", "use_case__slug", "unallocated_reason", "connection__slug",
        "provider", "service_name", "model", "cost_center", "charge_category", "currency",
        "cost_basis", "billed_nano",
        "effective_nano", "effective_unknown", "charges", "uninvoiced", "restated", "closed",
        "changed_at",
    )  # fmt: skip

    @operation(
        "costs_daily_list",
        "List daily costs by day",
        tag=TAG,
        description="A day that is imported again while you page comes again with new figures.",
        answer=page_of(DailyCostSerializer),
        query=DailyCostFilters,
        paged=True,
    )
    def get(self, request: Request) -> Any:
        wanted = read_query(request, DailyCostFilters).validated_data
        costs = within(_visible_costs(request), start=wanted.get("from"), end=wanted.get("to"))
        use_case = self._use_case_id(request, wanted["use_case"]) if "use_case" in wanted else None
        if wanted.get("as_of"):
            return self._as_of(request, wanted, use_case)
        if use_case is not None:
            costs = costs.filter(use_case=use_case)
        if "unallocated" in wanted:
            costs = costs.filter(use_case__isnull=wanted["unallocated"])
        known = _Known(timezone.now(), last_applied_runs())
        return list_response(
            request,
            costs.values(*self.columns),
            lambda found: _present_days(request, found, known),
            ordering=self.ordering,
        )

    @staticmethod
    def _as_of(request: Request, wanted: Mapping[str, Any], use_case: int | None) -> Any:
        """The same list as it was recorded at a moment.

        Raises:
            Problem: 400, there are too many cost lines to go through.
        """
        at = wanted["as_of"]
        try:
            found = past_costs(Scope(FigureReference()), at, start=wanted["from"], end=wanted["to"])
        except TooManyChargesError as error:
            raise too_much(error) from error
        if use_case is not None:
            found = found.where(lambda key: key.use_case_id == use_case)
        if "unallocated" in wanted:
            found = found.where(lambda key: (key.use_case_id is None) is wanted["unallocated"])
        known = _Known(at, found.around.runs, at)
        return past_days_response(request, found, lambda rows: _present_days(request, rows, known))

    @staticmethod
    def _use_case_id(request: Request, slug: str) -> int:
        found = use_cases_visible_to(request.user).filter(slug=slug).values_list("pk", flat=True)
        for pk in found:
            return pk
        # An empty answer would read as "it cost nothing".
        raise invalid(
            {"use_case": [FieldProblem("does_not_exist", f"There is no use case {slug!r}.")]}
        )


class UseCaseCostsView(ApiView):
    """The sums of one use case."""

    scopes: ClassVar[dict[str, str]] = {"GET": "costs:read"}

    @operation(
        "use_case_costs",
        "Read what a use case cost",
        tag=TAG,
        answer=UseCaseCostsSerializer,
        query=MonthsFilters,
        parameters=[path_slug("slug", "The use case.")],
        found_by_path=True,
    )
    def get(self, request: Request, slug: str) -> Any:
        use_case = use_cases_visible_to(request.user).filter(slug=slug).first()
        if use_case is None:
            raise Http404
        wanted = read_query(request, MonthsFilters, paged=False).validated_data
        reference = FigureReference(
            use_case=slug, first=wanted.get("from"), last=wanted.get("to"), at=wanted["as_of"]
        )
        answer = self._answer(request, use_case.pk, reference)
        return conditional(request, content_tag(request, answer), lambda: answer)

    @staticmethod
    def _answer(request: Request, use_case_id: int, wanted: FigureReference) -> dict[str, Any]:
        """The document: six queries of now, whatever the window.

        Raises:
            PermissionDenied: costs are not for this person.
            Problem: 400, as of the moment there are too many cost lines to go through.
        """
        if not may_see_costs(request.user):
            raise PermissionDenied
        now = wanted.at or timezone.now()
        visible = monthly_costs_visible_to(request.user)
        own, rest = (
            _sums_now(within(visible, start=wanted.start, end=wanted.end), use_case_id, now)
            if wanted.at is None
            else _sums_then(use_case_id, wanted, wanted.at)
        )
        shown = partial(_figures, request, now=now)
        by_month = []
        for cost in merge_sums(own, keep=[0]):
            month = Month.parse(cost.key[0])
            reference = wanted.with_(first=month, last=month)
            by_month.append({"month": str(month), **shown(cost, reference)})
        by_service = [
            {"service": cost.key[0], **shown(cost, wanted.with_(service=spelled(cost.key[0])))}
            for cost in merge_sums(own, keep=[1])
        ]
        outside = wanted.with_(use_case=UNALLOCATED)
        return {
            "use_case": wanted.use_case,
            "window": {"from": wanted.start, "to": wanted.end},
            "reason": None if own else "no_cost_allocated",
            "totals": [shown(cost, wanted) for cost in merge_sums(own, keep=[])],
            "by_month": by_month,
            "by_service": by_service,
            "unallocated": [shown(cost, outside) for cost in rest],
            "daily_url": f"{address(request, 'api-costs-daily')}?use_case={wanted.use_case}",
            "recorded_at": wanted.at,
        }


_Sums = tuple[list[CostSum], list[CostSum]]  # of the use case, and of what none bears
_BY = (Group.MONTH, Group.SERVICE)


def _sums_now(costs: QuerySet[MonthlyCost], use_case_id: int, now: dt.datetime) -> _Sums:
    own = cost_sums(costs.filter(use_case_id=use_case_id), by=_BY, now=now)
    return own, cost_sums(costs.filter(use_case__isnull=True), now=now)


def _sums_then(use_case_id: int, wanted: FigureReference, at: dt.datetime) -> _Sums:
    try:
        # Everything in the window: what nobody bore is told as well.
        found = past_costs(Scope(wanted.with_(use_case="")), at)
    except TooManyChargesError as error:
        raise too_much(error) from error
    own = found.where(lambda key: key.use_case_id == use_case_id)
    return own.sums(_BY), found.unallocated().sums()
