"""What the endpoints about cost answer, and which parameters they take."""

from __future__ import annotations

import datetime as dt
from typing import Any

from rest_framework import serializers

from billing.api.moments import MomentField
from billing.choices import ChargeCategory, UnallocatedReason
from billing.selectors.past_costs import MOST_MONTHS_AS_OF, TooManyMonthsError, check_months
from portal.api.figures import FigureSerializer
from portal.shell.periods import BadPeriodError, Month

AS_OF_HELP = (
    "As recorded at this moment, a day or a moment up to now: what the answer was then, status "
    f"and all. At most {MOST_MONTHS_AS_OF} months at a time, so `from` and `to` are needed with it."
)


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
    recorded_at = serializers.DateTimeField(
        allow_null=True, help_text="The moment of `as_of`; null for now."
    )


class MonthsFilters(serializers.Serializer[Any]):
    """Which months, both included, as in the addresses of the pages."""

    def get_fields(self) -> dict[str, Any]:
        return {
            "from": serializers.CharField(required=False, help_text="First month, `YYYY-MM`."),
            "to": serializers.CharField(required=False, help_text="Last month, `YYYY-MM`."),
            "as_of": MomentField(help_text=AS_OF_HELP),
        }

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        at = attrs.pop("as_of", None)
        months = {}
        for name, text in attrs.items():
            try:
                months[name] = Month.parse(text)
            except BadPeriodError as error:
                raise serializers.ValidationError({name: str(error)}, "period") from error
        if len(months) > 1 and months["to"] < months["from"]:
            raise serializers.ValidationError({"to": "It must not be before `from`."}, "period")
        if at is not None:
            _check_months(months.get("from"), months.get("to"))
        return months | {"as_of": at}


def _check_months(first: Month | None, last: Month | None) -> None:
    try:
        check_months(first, last)
    except TooManyMonthsError as error:
        raise serializers.ValidationError({"as_of": str(error)}, "too_much") from error


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
            "as_of": MomentField(help_text=AS_OF_HELP),
        }
        return {**super().get_fields(), **window}

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        start, end = attrs.get("from"), attrs.get("to")
        if start is not None and end is not None and end <= start:
            raise serializers.ValidationError({"to": "It must be later than `from`."}, "period")
        if attrs.get("as_of") is not None:
            _check_months(
                Month.of(start) if start else None,
                Month.of(end - dt.timedelta(days=1)) if end and end > dt.date.min else None,
            )
        return attrs
