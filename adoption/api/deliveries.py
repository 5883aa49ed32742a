"""Deliveries: those of a use case, and one's own."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db.models import F, QuerySet
from django.utils import timezone
from rest_framework import serializers
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request

from adoption.api.use_cases import SLUG, use_case_or_404
from adoption.choices import AiAssistance, DeliveryState, Strength
from adoption.models import Change, Delivery
from adoption.policies import may_log_delivery, may_see_registry
from adoption.selectors.deliveries import (
    changes_starting_with,
    deliveries_visible_to,
    own_deliveries,
)
from adoption.selectors.use_cases import use_cases_visible_to
from adoption.services.deliveries import log_delivery
from portal.api.errors import FieldProblem, Problem, invalid
from portal.api.idempotency import Answer, answer_once
from portal.api.schema import operation, page_of
from portal.api.views import (
    ApiView,
    address,
    list_response,
    read_body,
    read_query,
    signed_in,
)

TAG = "Deliveries"
_PLAIN = ("id", "title", "link", "state", "state_reason", "assistance", "claimed_at", "merged_at",
          "deployed_at", "held_at", "reverted_at", "is_own")  # fmt: skip
_NAMED = {
    "use_case_slug": F("use_case__slug"),
    "change_sha": F("change__sha"),
    "change_title": F("change__title"),
    "change_url": F("change__url"),
    "change_strength": F("change__strength"),
    "version_name": F("change__delivered_by__version"),
}


class DeliveredChangeSerializer(serializers.Serializer[Any]):
    """The merged work behind a delivery."""

    sha = serializers.CharField()
    title = serializers.CharField()
    url = serializers.CharField(allow_null=True)
    strength = serializers.ChoiceField(
        Strength.choices,
        allow_null=True,
        help_text="Of the strongest evidence of AI assistance; null is unknown, not human.",
    )
    delivered_by = serializers.CharField(
        allow_null=True, help_text="Version of the first production deployment that contains it."
    )


class DeliverySerializer(serializers.Serializer[Any]):
    """A claim that AI helped deliver something; its state moves by what was observed."""

    id = serializers.IntegerField()
    use_case = serializers.SlugField()
    title = serializers.CharField()
    link = serializers.CharField(allow_null=True)
    change = DeliveredChangeSerializer(
        allow_null=True, help_text="Null for work that is not code, or not recognised yet."
    )
    assistance = serializers.ChoiceField(AiAssistance.choices)
    state = serializers.ChoiceField(DeliveryState.choices)
    state_reason = serializers.CharField(allow_null=True)
    claimed_on = serializers.DateField(
        help_text="UTC day. Never the time: with it, what one person logged in a row could be told."
    )
    merged_at = serializers.DateTimeField(allow_null=True)
    deployed_at = serializers.DateTimeField(allow_null=True)
    held_at = serializers.DateTimeField(allow_null=True)
    reverted_at = serializers.DateTimeField(allow_null=True)
    is_own = serializers.BooleanField(help_text="You logged it. Who logged another is not told.")
    use_case_url = serializers.URLField()


class DeliveryLogSerializer(serializers.Serializer[Any]):
    """What a person logs: a change or a link, and for which use case."""

    use_case = serializers.SlugField(max_length=80)
    change = serializers.RegexField(
        "^[0-9a-f]{7,64}$",
        required=False,
        help_text="Commit of an imported change: its SHA, or a beginning that only it has.",
    )
    link = serializers.URLField(
        required=False,
        max_length=500,
        help_text="To a change, or for work that is not code to what was delivered.",
    )
    title = serializers.CharField(
        required=False, allow_blank=True, max_length=500, help_text="Default: that of the change."
    )
    assistance = serializers.ChoiceField(
        AiAssistance.choices, required=False, help_text="Hours saved are not asked."
    )


class DeliveryFilters(serializers.Serializer[Any]):
    state = serializers.ChoiceField(DeliveryState.choices, required=False)


class OwnDeliveryFilters(DeliveryFilters):
    use_case = serializers.SlugField(required=False)


def delivery_rows(deliveries: QuerySet[Delivery]) -> QuerySet[Any, Any]:
    """What `present_delivery` needs, in one query."""
    return deliveries.values(*_PLAIN, **_NAMED)


def present_delivery(request: Request, row: dict[str, Any]) -> dict[str, Any]:
    """One delivery as answered."""
    shown = {name: row[name] for name in _PLAIN if name != "claimed_at"}
    shown["claimed_on"] = row["claimed_at"].date()
    change = None
    if row["change_sha"] is not None:
        change = {
            "sha": row["change_sha"],
            "title": row["change_title"],
            "url": row["change_url"] or None,
            "strength": row["change_strength"] or None,
            "delivered_by": row["version_name"] or None,
        }
    return shown | {
        "use_case": row["use_case_slug"],
        "link": row["link"] or None,
        "state_reason": row["state_reason"] or None,
        "change": change,
        "use_case_url": address(request, "api-use-case", row["use_case_slug"]),
    }


class DeliveryListView(ApiView):
    """What the two lists share: newest first."""

    ordering: ClassVar[tuple[str, ...]] = ("-claimed_at", "-id")

    def answer(self, request: Request, deliveries: QuerySet[Delivery]) -> Any:
        """One page of `deliveries`."""
        return list_response(
            request,
            delivery_rows(deliveries),
            lambda found: [present_delivery(request, row) for row in found],
            ordering=self.ordering,
        )


class UseCaseDeliveriesView(DeliveryListView):
    """What was delivered for one use case, whoever logged it."""

    scopes: ClassVar[dict[str, str]] = {"GET": "deliveries:read"}

    @operation(
        "use_case_deliveries_list",
        "List the deliveries of a use case, newest first",
        tag=TAG,
        answer=page_of(DeliverySerializer),
        query=DeliveryFilters,
        parameters=[SLUG],
        paged=True,
        found_by_path=True,
    )
    def get(self, request: Request, slug: str) -> Any:
        use_case = use_case_or_404(request, slug)
        wanted = read_query(request, DeliveryFilters).validated_data
        found = deliveries_visible_to(request.user).filter(use_case=use_case, **wanted)
        return self.answer(request, found)


def refusal(field: str, detail: str) -> Problem:
    """What was named is not there."""
    return invalid({field: [FieldProblem("does_not_exist", detail)]})


def _change(sha: str) -> Change:
    found = changes_starting_with(sha)
    if not found:
        raise refusal("change", f"No change {sha} was imported.")
    if len(found) > 1:
        raise refusal("change", f"More than one change begins with {sha}; give more of it.")
    return found[0]


def _to_log(request: Request, data: dict[str, Any]) -> dict[str, Any]:
    """`data` with use case and change looked up."""
    slug = data["use_case"]
    use_case = use_cases_visible_to(request.user).filter(slug=slug).first()
    if use_case is None:
        raise refusal("use_case", f"There is no use case {slug!r}.")
    values = {**data, "use_case": use_case}
    if "change" in values:
        values["change"] = _change(values["change"])
    if "assistance" in values:
        values["assistance"] = AiAssistance(values["assistance"])
    return values


class OwnDeliveriesView(DeliveryListView):
    """What the caller logged."""

    scopes: ClassVar[dict[str, str]] = {"GET": "deliveries:read", "POST": "deliveries:write"}

    @operation(
        "deliveries_log",
        "Log a delivery",
        tag=TAG,
        description="By a change that was imported, or by a link. Its state is what the facts say "
        "at once; work that is not code waits for a reviewer. A change is delivered once.",
        answer=DeliverySerializer,
        body=DeliveryLogSerializer,
        status=201,
    )
    def post(self, request: Request) -> Any:
        if not may_log_delivery(request.user):
            raise PermissionDenied
        values = _to_log(request, read_body(request, DeliveryLogSerializer).validated_data)

        def work() -> Answer:
            made = log_delivery(**values, actor=signed_in(request), at=timezone.now())
            row = delivery_rows(own_deliveries(request.user)).get(pk=made.pk)
            return Answer(201, present_delivery(request, row))

        return answer_once(request, work)

    @operation(
        "own_deliveries_list",
        "List your own deliveries, newest first",
        tag=TAG,
        answer=page_of(DeliverySerializer),
        query=OwnDeliveryFilters,
        paged=True,
    )
    def get(self, request: Request) -> Any:
        if not may_see_registry(request.user):
            raise PermissionDenied
        wanted = dict(read_query(request, OwnDeliveryFilters).validated_data)
        slug = wanted.pop("use_case", None)
        found = own_deliveries(request.user).filter(**wanted)
        return self.answer(request, found.filter(use_case__slug=slug) if slug else found)
