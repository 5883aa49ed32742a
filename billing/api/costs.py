"""What it cost: daily rows, and the sums of one use case."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any, ClassVar

from django.db.models import QuerySet
from django.http import Http404
from django.utils import timezone
from rest_framework import serializers
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request

from adoption.selectors.use_cases import use_cases_visible_to
from billing.choices import ChargeCategory, CostBasis, Finality, UnallocatedReason
from billing.models import DailyCost
from billing.policies import may_see_costs
from billing.selectors.costs import CostSum, Group, Kind, cost_sums, merge_sums
from billing.selectors.daily_costs import daily_costs_visible_to, monthly_costs_visible_to, within
from billing.selectors.finality import Settledness, finality_of
from billing.selectors.freshness import last_applied_runs
from billing.selectors.references import UNALLOCATED, FigureReference
from portal.api.errors import FieldProblem, invalid
from portal.api.etags import content_tag
from portal.api.figures import FigureSerializer, figure
from portal.api.schema import operation, page_of, path_slug
from portal.api.views import (
    ApiView,
    absolute,
    address,
    conditional,
    list_response,
    read_query,
)
from portal.shell.periods import BadPeriodError, Month
from portal.shell.statuses import FigureStatus

TAG = "Costs"
EFFECTIVE_NOT_STATED = "effective_cost_not_stated"
_STATUSES = {
    Finality.OPEN: FigureStatus.PROVISIONAL,
    Finality.PROVISIONAL: FigureStatus.PROVISIONAL,
    Finality.RESTATED: FigureStatus.RESTATED,
    Finality.FINAL: FigureStatus.FINAL,
    Finality.CLOSED: FigureStatus.CLOSED,
}


class _CostFigures(serializers.Serializer[Any]):
    billed = FigureSerializer(help_text="What is invoiced or will be.")
    effective = FigureSerializer(help_text="With discounts and prepayments spread over use.")
    effective_unknown = serializers.IntegerField(
        help_text="Cost lines in it that state no effective cost, so are not in that sum."
    )
    charges = serializers.IntegerField(help_text="How many cost lines, or parts of lines.")


class DailyCostSerializer(_CostFigures):
    """Cost of one UTC day by use case, provider, service and category."""

    day = serializers.DateField(help_text="UTC.")
    use_case = serializers.SlugField(allow_null=True, help_text="Null when unallocated.")
    unallocated_reason = serializers.ChoiceField(UnallocatedReason.choices, allow_null=True)
    connection = serializers.SlugField(help_text="The configured source.")
    provider = serializers.CharField()
    service = serializers.CharField()
    category = serializers.ChoiceField(ChargeCategory.choices)


class CostTotalSerializer(_CostFigures):
    """A sum in one currency and basis."""


class MonthlyCostSerializer(_CostFigures):
    """A sum of one month's days (UTC)."""

    month = serializers.RegexField("^[0-9]{4}-[0-9]{2}$")


class ServiceCostSerializer(_CostFigures):
    """A sum of one service."""

    service = serializers.CharField()


class CostWindowSerializer(serializers.Serializer[Any]):
    """Half-open: `to` is the first day that is not in it."""

    def get_fields(self) -> dict[str, Any]:
        # `from` is a word of the language, so it cannot be declared above.
        return {
            "from": serializers.DateField(allow_null=True),
            "to": serializers.DateField(allow_null=True),
        }


class UseCaseCostsSerializer(serializers.Serializer[Any]):
    """What a use case cost. Different currencies and bases stand apart; they are never added."""

    use_case = serializers.SlugField()
    window = CostWindowSerializer()
    reason = serializers.CharField(
        allow_null=True, help_text="Why there is no sum: `no_cost_allocated`."
    )
    totals = CostTotalSerializer(many=True)
    by_month = MonthlyCostSerializer(many=True)
    by_service = ServiceCostSerializer(many=True)
    unallocated = CostTotalSerializer(
        many=True, help_text="What no use case bears, of everything imported for the window."
    )
    daily_url = serializers.URLField()


class MonthsFilters(serializers.Serializer[Any]):
    """Which months, both included, as in the addresses of the pages."""

    def get_fields(self) -> dict[str, Any]:
        return {
            "from": serializers.CharField(required=False, help_text="First month, `YYYY-MM`."),
            "to": serializers.CharField(required=False, help_text="Last month, `YYYY-MM`."),
        }

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        months = {}
        for name, text in attrs.items():
            try:
                months[name] = Month.parse(text)
            except BadPeriodError as error:
                raise serializers.ValidationError({name: str(error)}, "period") from error
        if len(months) > 1 and months["to"] < months["from"]:
            raise serializers.ValidationError({"to": "It must not be before `from`."}, "period")
        return months


class DailyCostFilters(serializers.Serializer[Any]):
    """Which days: half-open, as every window."""

    use_case = serializers.SlugField(required=False)
    unallocated = serializers.BooleanField(
        required=False, help_text="`true`: only what no use case bears; `false`: only the rest."
    )

    def get_fields(self) -> dict[str, Any]:
        window = {
            "from": serializers.DateField(required=False, help_text="First UTC day."),
            "to": serializers.DateField(required=False, help_text="Day after the last, UTC."),
        }
        return {**super().get_fields(), **window}

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        start, end = attrs.get("from"), attrs.get("to")
        if start is not None and end is not None and end <= start:
            raise serializers.ValidationError({"to": "It must be later than `from`."}, "period")
        return attrs


def _figures(request: Request, cost: CostSum, reference: FigureReference) -> dict[str, Any]:
    """Both figures of a sum. `reference` says which; currency and basis are put in here."""
    kind = cost.kind
    exact = reference.with_(currency=kind.currency, basis=kind.basis)
    amortised = exact.with_(measure="effective")
    common: dict[str, Any] = {
        "unit": "money",
        "currency": kind.currency,
        "basis": kind.basis,
        "status": _status(cost),
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


def _status(cost: CostSum) -> FigureStatus:
    """What was worked out from rates stays estimated, however old, until a close confirms it."""
    if cost.kind.basis == CostBasis.ESTIMATED and cost.finality != Finality.CLOSED:
        return FigureStatus.ESTIMATED
    return _STATUSES[cost.finality]


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


def _present_days(request: Request, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    now, runs = timezone.now(), last_applied_runs()
    return [_present_day(request, row, _day_sum(row, runs, now=now)) for row in rows]


def _present_day(request: Request, row: dict[str, Any], cost: CostSum) -> dict[str, Any]:
    month = Month.of(row["day"])
    # Lineage pages show months; the day is found there.
    reference = FigureReference(
        use_case=row["use_case__slug"] or UNALLOCATED,
        first=month,
        last=month,
        service=row["service_name"],
        provider=row["provider"],
        reason=row["unallocated_reason"],
    )
    return {
        "day": row["day"],
        "use_case": row["use_case__slug"],
        "unallocated_reason": row["unallocated_reason"] or None,
        "connection": row["connection__slug"],
        "provider": row["provider"],
        "service": row["service_name"],
        "category": row["charge_category"],
        **_figures(request, cost, reference),
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
        "provider", "service_name", "charge_category", "currency", "cost_basis", "billed_nano",
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
        if "use_case" in wanted:
            costs = costs.filter(use_case=self._use_case_id(request, wanted["use_case"]))
        if "unallocated" in wanted:
            costs = costs.filter(use_case__isnull=wanted["unallocated"])
        return list_response(
            request,
            costs.values(*self.columns),
            lambda found: _present_days(request, found),
            ordering=self.ordering,
        )

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
        reference = FigureReference(use_case=slug, first=wanted.get("from"), last=wanted.get("to"))
        answer = self._answer(request, use_case.pk, reference)
        return conditional(request, content_tag(request, answer), lambda: answer)

    @staticmethod
    def _answer(request: Request, use_case_id: int, wanted: FigureReference) -> dict[str, Any]:
        """The document: six queries, whatever the window."""
        now = timezone.now()
        if not may_see_costs(request.user):
            raise PermissionDenied
        visible = monthly_costs_visible_to(request.user)
        everything = within(visible, start=wanted.start, end=wanted.end)
        own = cost_sums(
            everything.filter(use_case_id=use_case_id), by=(Group.MONTH, Group.SERVICE), now=now
        )
        rest = cost_sums(everything.filter(use_case__isnull=True), now=now)
        by_month = []
        for cost in merge_sums(own, keep=[0]):
            month = Month.parse(cost.key[0])
            reference = wanted.with_(first=month, last=month)
            by_month.append({"month": str(month), **_figures(request, cost, reference)})
        by_service = [
            {"service": cost.key[0], **_figures(request, cost, wanted.with_(service=cost.key[0]))}
            for cost in merge_sums(own, keep=[1])
        ]
        outside = wanted.with_(use_case=UNALLOCATED)
        return {
            "use_case": wanted.use_case,
            "window": {"from": wanted.start, "to": wanted.end},
            "reason": None if own else "no_cost_allocated",
            "totals": [_figures(request, cost, wanted) for cost in merge_sums(own, keep=[])],
            "by_month": by_month,
            "by_service": by_service,
            "unallocated": [_figures(request, cost, outside) for cost in rest],
            "daily_url": f"{address(request, 'api-costs-daily')}?use_case={wanted.use_case}",
        }
