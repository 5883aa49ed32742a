"""Suggestions: one's own, confirmed or dismissed by number."""

from __future__ import annotations

from typing import Any, ClassVar

from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter
from rest_framework import serializers
from rest_framework.exceptions import NotFound, PermissionDenied
from rest_framework.request import Request

from adoption.api.deliveries import DeliverySerializer, delivery_rows, present_delivery, refusal
from adoption.choices import Dismissal, Involvement, SuggestionState
from adoption.policies import may_log_delivery, may_see_registry
from adoption.selectors.deliveries import own_deliveries, use_cases_to_log_for
from adoption.selectors.suggestions import own_suggestions, suggestion_rows
from adoption.services.suggestions import (
    NoSuggestionError,
    confirm_suggestion,
    dismiss_suggestion,
)
from portal.api.idempotency import Answer, answer_once
from portal.api.schema import operation, page_of
from portal.api.views import ApiView, list_response, read_body, read_query, signed_in

TAG = "Deliveries"
NUMBER = OpenApiParameter(
    "suggestion_id", OpenApiTypes.INT, OpenApiParameter.PATH, description="Of your suggestion."
)


class SuggestedChangeSerializer(serializers.Serializer[Any]):
    """The change that may be a delivery."""

    sha = serializers.CharField(allow_null=True)
    title = serializers.CharField()
    url = serializers.CharField(allow_null=True)
    involvement = serializers.ChoiceField(
        Involvement.choices, help_text="Of AI. Unknown is neither."
    )
    delivered_at = serializers.DateTimeField(allow_null=True)


class SuggestionSerializer(serializers.Serializer[Any]):
    """A delivery that the portal proposes to you. Silence never makes it one."""

    id = serializers.IntegerField()
    use_case = serializers.SlugField(help_text="The one proposed; confirm may name another.")
    change = SuggestedChangeSerializer()
    state = serializers.ChoiceField(SuggestionState.choices)
    state_reason = serializers.CharField(allow_null=True)
    dismissal = serializers.ChoiceField(Dismissal.choices, allow_null=True)
    reasons = serializers.ListField(
        child=serializers.CharField(), help_text="Why it is suggested, in words."
    )
    score = serializers.IntegerField(help_text="Orders the list; means nothing else.")
    offered_at = serializers.DateTimeField()
    expires_at = serializers.DateTimeField()
    delivery = serializers.IntegerField(allow_null=True, help_text="What it became.")


class SuggestionFilters(serializers.Serializer[Any]):
    state = serializers.ChoiceField(SuggestionState.choices, required=False)


class ConfirmSerializer(serializers.Serializer[Any]):
    use_case = serializers.SlugField(
        required=False, max_length=80, help_text="Default: the one proposed."
    )


class DismissSerializer(serializers.Serializer[Any]):
    why = serializers.ChoiceField(
        Dismissal.choices,
        help_text="`not_ai` also records your word that AI had no part in the change.",
    )


def present_suggestion(row: dict[str, Any]) -> dict[str, Any]:
    """One suggestion as answered."""
    best = row["candidates"][0] if row["candidates"] else {"reasons": []}
    return {
        "id": row["id"],
        "use_case": row["use_case_slug"],
        "change": {
            "sha": row["change_sha"] or None,
            "title": row["change_title"],
            "url": row["change_url"] or None,
            "involvement": row["change_involvement"],
            "delivered_at": row["change_delivered_at"],
        },
        "state": row["state"],
        "state_reason": row["state_reason"] or None,
        "dismissal": row["dismissal"] or None,
        "reasons": [reason["text"] for reason in best["reasons"]],
        "score": row["score"],
        "offered_at": row["offered_at"],
        "expires_at": row["expires_at"],
        "delivery": row["delivery_id"],
    }


class SuggestionsView(ApiView):
    """What the portal proposes to the caller."""

    scopes: ClassVar[dict[str, str]] = {"GET": "deliveries:read"}

    @operation(
        "suggestions_list",
        "List your own suggestions, the likeliest first",
        tag=TAG,
        answer=page_of(SuggestionSerializer),
        query=SuggestionFilters,
        paged=True,
    )
    def get(self, request: Request) -> Any:
        if not may_see_registry(request.user):
            raise PermissionDenied
        wanted = read_query(request, SuggestionFilters).validated_data
        return list_response(
            request,
            suggestion_rows(own_suggestions(request.user).filter(**wanted)),
            lambda found: [present_suggestion(row) for row in found],
            ordering=("-score", "-id"),
        )


class _AnswerView(ApiView):
    scopes: ClassVar[dict[str, str]] = {"POST": "deliveries:write"}

    def check(self, request: Request, suggestion_id: int) -> None:
        """Refuse who may not, and what is not theirs; whether it is another's, is not told."""
        if not may_log_delivery(request.user):
            raise PermissionDenied
        if not own_suggestions(request.user).filter(pk=suggestion_id).exists():
            raise NotFound


class SuggestionConfirmView(_AnswerView):
    """Make a suggestion a delivery."""

    @operation(
        "suggestions_confirm",
        "Confirm a suggestion",
        tag=TAG,
        description="Idempotent: what is confirmed already answers with the same delivery.",
        answer=DeliverySerializer,
        body=ConfirmSerializer,
        parameters=[NUMBER],
        found_by_path=True,
    )
    def post(self, request: Request, suggestion_id: int) -> Any:
        self.check(request, suggestion_id)
        slug = read_body(request, ConfirmSerializer).validated_data.get("use_case")
        use_case = None
        if slug is not None:
            use_case = use_cases_to_log_for(request.user).filter(slug=slug).first()
            if use_case is None:
                raise refusal("use_case", f"There is no use case {slug!r} that takes deliveries.")

        def work() -> Answer:
            try:
                made = confirm_suggestion(
                    pk=suggestion_id, actor=signed_in(request), at=timezone.now(),
                    use_case=use_case,
                )  # fmt: skip
            except NoSuggestionError as error:
                raise NotFound from error
            row = delivery_rows(own_deliveries(request.user)).get(pk=made.pk)
            return Answer(200, present_delivery(request, row))

        return answer_once(request, work)


class SuggestionDismissView(_AnswerView):
    """Put a suggestion aside."""

    @operation(
        "suggestions_dismiss",
        "Dismiss a suggestion",
        tag=TAG,
        answer=SuggestionSerializer,
        body=DismissSerializer,
        parameters=[NUMBER],
        found_by_path=True,
    )
    def post(self, request: Request, suggestion_id: int) -> Any:
        self.check(request, suggestion_id)
        why = Dismissal(read_body(request, DismissSerializer).validated_data["why"])

        def work() -> Answer:
            try:
                dismiss_suggestion(
                    pk=suggestion_id, actor=signed_in(request), at=timezone.now(), why=why
                )
            except NoSuggestionError as error:
                raise NotFound from error
            row = suggestion_rows(own_suggestions(request.user)).get(pk=suggestion_id)
            return Answer(200, present_suggestion(row))

        return answer_once(request, work)
