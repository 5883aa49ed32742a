"""Explaining figures: back to file and line, and from an invoice forward to use cases."""

from __future__ import annotations

from typing import Any, ClassVar

from django.utils import timezone
from rest_framework import serializers
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request

from billing.policies import may_see_charges, may_see_costs
from billing.selectors.as_of import TooManyChargesError
from billing.selectors.explanations import explain
from billing.selectors.moments import BadMomentError, parse_moment
from billing.selectors.references import PREFIX, BadReferenceError
from portal.api.errors import FieldProblem, invalid
from portal.api.etags import content_tag
from portal.api.schema import operation
from portal.api.views import ApiView, conditional, read_query

MOST_LINES = 500


class ExplanationFilters(serializers.Serializer[Any]):
    """What is to be explained."""

    figure = serializers.CharField(
        max_length=600,
        help_text="`cost:use_case=faq,month=2026-05,measure=billed`, `charge:123` or "
        "`invoice:ISSUER/NUMBER`.",
    )
    as_of = serializers.CharField(
        required=False, max_length=40, help_text="As recorded at this moment; not for invoices."
    )
    limit = serializers.IntegerField(
        required=False, min_value=1, max_value=MOST_LINES, help_text="How many lines to list."
    )


class AllocationSerializer(serializers.Serializer[Any]):
    """A part of a cost line, and where it went. Amounts are exact decimal text."""

    charge = serializers.IntegerField()
    use_case = serializers.CharField(help_text="Its slug, or `unallocated`.")
    rule = serializers.CharField(help_text="Key and version, or why no rule took it.")
    billed = serializers.CharField()
    effective = serializers.CharField(allow_null=True)
    currency = serializers.CharField()


class DestinationSerializer(serializers.Serializer[Any]):
    """What one place received of an invoice."""

    use_case = serializers.CharField()
    cost_center = serializers.CharField(allow_null=True)
    rule = serializers.CharField()
    billed = serializers.CharField()


class ExplanationSerializer(serializers.Serializer[Any]):
    """An explanation. What a kind of figure does not have is null or empty."""

    figure = serializers.CharField()
    as_of = serializers.CharField(allow_null=True)
    sums = serializers.ListField(
        child=serializers.DictField(), help_text="One for each currency and basis."
    )
    charge = serializers.DictField(allow_null=True, help_text="A cost line: amounts, attributes.")
    invoice = serializers.DictField(allow_null=True)
    parts = serializers.DictField(
        allow_null=True, help_text="What the invoice is made of, and the residual."
    )
    destinations = DestinationSerializer(many=True)
    lines = serializers.IntegerField(help_text="How many cost lines, or parts of lines, there are.")
    allocations = AllocationSerializer(
        many=True, help_text="Empty for those who do not answer for money."
    )


class ExplanationView(ApiView):
    """From a figure to its lines, and from an invoice to its destinations."""

    scopes: ClassVar[dict[str, str]] = {"GET": "costs:read"}

    @operation(
        "costs_explain",
        "Explain a figure or an invoice",
        tag="Costs",
        description="Sums are exact both ways: allocations sum to the figure, destinations to the "
        "cost lines of the invoice, and its parts with the residual to the invoice.",
        answer=ExplanationSerializer,
        query=ExplanationFilters,
    )
    def get(self, request: Request) -> Any:
        if not may_see_costs(request.user):
            raise PermissionDenied
        wanted = read_query(request, ExplanationFilters, paged=False).validated_data
        sees_lines = may_see_charges(request.user)
        if not sees_lines and not wanted["figure"].startswith(PREFIX):
            raise PermissionDenied
        try:
            found = explain(
                wanted["figure"],
                at=parse_moment(wanted.get("as_of", "")),
                now=timezone.now(),
                limit=wanted.get("limit", 100),
                user=request.user,
            )
        except BadReferenceError as error:
            raise invalid({"figure": [FieldProblem("does_not_exist", str(error))]}) from error
        except (BadMomentError, TooManyChargesError) as error:
            raise invalid({"as_of": [FieldProblem("invalid", str(error))]}) from error
        answer = _answer(found, sees_lines)
        return conditional(request, content_tag(request, answer), lambda: answer)


def _answer(found: dict[str, Any], sees_lines: bool) -> dict[str, Any]:
    allocations = found.get("allocations", []) if sees_lines else []
    names = ("charge", "use_case", "rule", "billed", "effective", "currency")
    return {
        "figure": found["figure"],
        "as_of": found["as_of"],
        "sums": found.get("sums", []),
        "charge": found.get("charge"),
        "invoice": found.get("invoice"),
        "parts": found.get("parts"),
        "destinations": found.get("destinations", []),
        "lines": found.get("lines", len(allocations)),
        "allocations": [{name: each[name] for name in names} for each in allocations],
    }
