"""Price plans: to list, to make, to end."""

from __future__ import annotations

from typing import Any, ClassVar

from django.http import Http404
from django.utils import timezone
from rest_framework import serializers
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request

from billing.choices import PlanPeriod
from billing.models import PricePlan
from billing.policies import may_edit_plans, may_see_costs
from billing.selectors.plans import credits_text, plan_for_page, plans_visible_to
from billing.services.plans import PlanDraft, PlanRefusedError, create_plan, end_plan
from portal.api.errors import FieldProblem, Problem, invalid
from portal.api.idempotency import Answer, answer_once
from portal.api.schema import operation, page_of, path_id
from portal.api.views import ApiView, list_response, read_body, read_query, signed_in
from portal.shell.money import nano_text

TAG = "Price plans"
_AMOUNT: dict[str, Any] = {
    "max_digits": 18,
    "decimal_places": 9,
    "min_value": 0,
    "allow_null": True,
    "default": None,
}


class PricePlanSerializer(serializers.Serializer[Any]):
    """What a plan costs on its days. Null is not known, never 0."""

    id = serializers.IntegerField()
    provider = serializers.CharField()
    key = serializers.CharField()
    name = serializers.CharField()
    valid_from = serializers.DateField()
    valid_until = serializers.DateField(allow_null=True, help_text="First day without it.")
    currency = serializers.CharField()
    seat_price = serializers.CharField(allow_null=True, help_text="Exact decimal.")
    seat_period = serializers.ChoiceField(PlanPeriod.choices)
    included_credits = serializers.CharField(allow_null=True, help_text="Exact decimal.")
    overage_price = serializers.CharField(
        allow_null=True, help_text="Of one credit beyond those included; exact decimal."
    )
    source = serializers.CharField(help_text="Contract, order form or page.")  # type: ignore[assignment]
    ended_reason = serializers.CharField(allow_null=True)


class PricePlanDraftSerializer(serializers.Serializer[Any]):
    """A plan to keep."""

    provider = serializers.CharField(max_length=120)
    key = serializers.CharField(max_length=120)
    name = serializers.CharField(max_length=160)
    valid_from = serializers.DateField()
    valid_until = serializers.DateField(allow_null=True, default=None)
    currency = serializers.RegexField("^[A-Z]{3}$")
    seat_price = serializers.DecimalField(**_AMOUNT)
    seat_period = serializers.ChoiceField(PlanPeriod.choices, default=PlanPeriod.MONTH)
    included_credits = serializers.DecimalField(**{**_AMOUNT, "decimal_places": 6})
    overage_price = serializers.DecimalField(**_AMOUNT)
    source = serializers.CharField(max_length=500)  # type: ignore[assignment]


class PricePlanEndSerializer(serializers.Serializer[Any]):
    """The end of a plan."""

    valid_until = serializers.DateField(
        help_text="First day without it. On the first day of the plan, this withdraws it."
    )
    reason = serializers.CharField(max_length=500)


class PricePlanFilters(serializers.Serializer[Any]):
    provider = serializers.CharField(required=False, help_text="Capitals do not matter.")


def _shown(plan: PricePlan) -> dict[str, Any]:
    def price(nano: int | None) -> str | None:
        return None if nano is None else nano_text(nano)

    same = ("provider", "key", "name", "valid_from", "valid_until", "currency", "seat_period",
            "source")  # fmt: skip
    return {
        "id": plan.pk,
        **{name: getattr(plan, name) for name in same},
        "seat_price": price(plan.seat_price_nano),
        "included_credits": credits_text(plan.included_credits_micro),
        "overage_price": price(plan.overage_price_nano),
        "ended_reason": plan.ended_reason or None,
    }


def _refusal(error: PlanRefusedError) -> Problem:
    return invalid({error.field or "plan": [FieldProblem("refused", error.reason)]})


class PricePlansView(ApiView):
    """Every plan that is known."""

    scopes: ClassVar[dict[str, str]] = {"GET": "costs:read", "POST": "price-plans:write"}

    @operation(
        "price_plans_list",
        "List price plans",
        tag=TAG,
        answer=page_of(PricePlanSerializer),
        query=PricePlanFilters,
        paged=True,
    )
    def get(self, request: Request) -> Any:
        if not may_see_costs(request.user):
            raise PermissionDenied
        plans = plans_visible_to(request.user)
        wanted = read_query(request, PricePlanFilters).validated_data
        if "provider" in wanted:
            plans = plans.filter(match_provider=wanted["provider"].strip().casefold())
        return list_response(
            request,
            plans,
            lambda found: [_shown(plan) for plan in found],
            ordering=("match_provider", "match_key", "valid_from", "id"),
        )

    @operation(
        "price_plans_create",
        "Keep a price plan",
        tag=TAG,
        description="For days on which no other plan of this provider and key holds. A price is "
        "never edited: end it, and keep the next one.",
        answer=PricePlanSerializer,
        body=PricePlanDraftSerializer,
        status=201,
    )
    def post(self, request: Request) -> Any:
        if not may_edit_plans(request.user):
            raise PermissionDenied
        draft = PlanDraft(**read_body(request, PricePlanDraftSerializer).validated_data)

        def work() -> Answer:
            try:
                plan = create_plan(draft=draft, actor=signed_in(request), at=timezone.now())
            except PlanRefusedError as error:
                raise _refusal(error) from error
            return Answer(201, _shown(plan))

        return answer_once(request, work)


class PricePlanEndView(ApiView):
    """The end of one plan."""

    scopes: ClassVar[dict[str, str]] = {"POST": "price-plans:write"}

    @operation(
        "price_plans_end",
        "End a price plan",
        tag=TAG,
        answer=PricePlanSerializer,
        body=PricePlanEndSerializer,
        parameters=[path_id("pk", "The plan.")],
        found_by_path=True,
    )
    def post(self, request: Request, pk: int) -> Any:
        if not may_edit_plans(request.user):
            raise PermissionDenied
        plan = plan_for_page(request.user, pk=pk)
        if plan is None:
            raise Http404
        data = read_body(request, PricePlanEndSerializer).validated_data

        def work() -> Answer:
            try:
                ended = end_plan(
                    plan_id=plan.pk, **data, actor=signed_in(request), at=timezone.now()
                )
            except PlanRefusedError as error:
                raise _refusal(error) from error
            return Answer(200, _shown(ended))

        return answer_once(request, work)
