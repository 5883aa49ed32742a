"""Registered effects of a use case, and their verdicts."""

from __future__ import annotations

import json
from typing import Any, ClassVar

from django.urls import reverse
from django.utils import timezone
from rest_framework import serializers
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request

from adoption.api.use_cases import SLUG, use_case_or_404
from adoption.choices import EffectDirection, ImpactMethod, ScopeKind, VerdictCause, VerdictWord
from adoption.models import ImpactRegistration, ImpactVerdict
from adoption.policies import may_edit_use_case
from adoption.selectors.impact import registrations_visible_to, verdicts_visible_to
from adoption.services.impact_plans import GuardrailWish
from adoption.services.impact_registrations import register_impact
from adoption.services.impact_wishes import Wish
from portal.api.errors import FieldProblem, invalid
from portal.api.etags import version_tag
from portal.api.idempotency import Answer, answer_once
from portal.api.schema import operation, page_of
from portal.api.views import (
    ApiView,
    NoFilters,
    absolute,
    list_response,
    read_body,
    read_query,
    signed_in,
)
from portal.shell.money import AmountOutOfRangeError, nano_text, to_nano

TAG = "Validation"
_AMOUNT = (
    "Exact decimal as text: a ratio for counts (1.25), else a difference in the metric's unit."
)


class RegisteredGuardrailSerializer(serializers.Serializer[Any]):
    """A metric that must not get worse by more than a margin."""

    metric_key = serializers.CharField(max_length=80)
    metric_version = serializers.CharField(max_length=20)
    worse = serializers.ChoiceField(EffectDirection.choices)
    margin = serializers.DecimalField(max_digits=19, decimal_places=9, help_text=_AMOUNT)


class RegistrationWishSerializer(serializers.Serializer[Any]):
    """What is registered. Whatever is left out gets the default of the page."""

    hypothesis = serializers.CharField(max_length=20_000)
    direction = serializers.ChoiceField(EffectDirection.choices)
    metric_key = serializers.CharField(max_length=80)
    launch_on = serializers.DateField(help_text="A day in the programme's time zone.")
    interest = serializers.DecimalField(max_digits=19, decimal_places=9, help_text=_AMOUNT)
    trigger_month = serializers.DateField(
        required=False, help_text="First day of the month that gave the idea."
    )
    baseline_starts_on = serializers.DateField(required=False)
    baseline_ends_on = serializers.DateField(required=False, help_text="Exclusive.")
    after_starts_on = serializers.DateField(required=False)
    after_ends_on = serializers.DateField(required=False, help_text="Exclusive.")
    method = serializers.ChoiceField(ImpactMethod.choices, required=False)
    alpha_percent = serializers.ChoiceField([(1, "1"), (5, "5"), (10, "10")], required=False)
    guardrails = RegisteredGuardrailSerializer(many=True, required=False)
    minimum_n = serializers.IntegerField(required=False, min_value=1, max_value=1_000_000)
    stop_rule = serializers.CharField(required=False, max_length=20_000)
    unit_ids = serializers.ListField(
        child=serializers.IntegerField(min_value=1), required=False, max_length=200
    )
    comparison_ids = serializers.ListField(
        child=serializers.IntegerField(min_value=1), required=False, max_length=200
    )
    replaces = serializers.IntegerField(
        required=False, min_value=1, help_text="A registration that is not launched yet."
    )


class PromiseSerializer(serializers.Serializer[Any]):
    """What the baseline could show when it was registered."""

    n = serializers.IntegerField()
    weeks = serializers.ListField(child=serializers.IntegerField())
    smallest = serializers.CharField(allow_null=True, help_text="With 80 % power.")
    power_for_interest = serializers.CharField(allow_null=True)
    weeks_needed = serializers.IntegerField(allow_null=True)
    dispersion = serializers.CharField(allow_null=True)
    has_drifted = serializers.BooleanField()
    words = serializers.CharField()


class RegistrationSerializer(serializers.Serializer[Any]):
    """A registration; it never changes."""

    id = serializers.IntegerField()
    use_case = serializers.SlugField()
    hypothesis = serializers.CharField()
    direction = serializers.ChoiceField(EffectDirection.choices)
    metric_key = serializers.CharField()
    metric_version = serializers.CharField()
    unit_kind = serializers.ChoiceField(ScopeKind.choices)
    unit_ids = serializers.ListField(child=serializers.IntegerField())
    comparison_ids = serializers.ListField(child=serializers.IntegerField())
    zone = serializers.CharField(help_text="In which days are cut.")
    trigger_month = serializers.DateField()
    baseline_starts_on = serializers.DateField()
    baseline_ends_on = serializers.DateField()
    launch_on = serializers.DateField()
    after_starts_on = serializers.DateField()
    after_ends_on = serializers.DateField()
    interest = serializers.CharField(help_text=_AMOUNT)
    method = serializers.ChoiceField(ImpactMethod.choices)
    alpha_percent = serializers.IntegerField()
    guardrails = RegisteredGuardrailSerializer(many=True)
    minimum_n = serializers.IntegerField()
    stop_rule = serializers.CharField()
    seed = serializers.IntegerField()
    promise = PromiseSerializer()
    content_sha256 = serializers.CharField()
    created_at = serializers.DateTimeField()
    approved_at = serializers.DateTimeField(allow_null=True)
    withdrawn_at = serializers.DateTimeField(allow_null=True)
    url = serializers.URLField(help_text="The page.")


class EffectIntervalSerializer(serializers.Serializer[Any]):
    """A two-sided confidence interval; an open end is `infinity`."""

    low = serializers.CharField()
    high = serializers.CharField()
    level = serializers.CharField()
    method = serializers.CharField()


class VerdictSerializer(serializers.Serializer[Any]):
    """A verdict: the interval first, the word second, and everything to compute it again."""

    registration = serializers.IntegerField()
    number = serializers.IntegerField()
    interval = EffectIntervalSerializer(
        allow_null=True, help_text="Null when nothing was estimated."
    )
    effect = serializers.CharField(allow_null=True)
    scale = serializers.ChoiceField(
        [("ratio", "ratio"), ("difference", "difference")], allow_null=True
    )
    verdict = serializers.ChoiceField(VerdictWord.choices)
    is_practical = serializers.BooleanField()
    reasons = serializers.ListField(child=serializers.CharField())
    deviations = serializers.ListField(child=serializers.CharField())
    n_before = serializers.IntegerField()
    n_after = serializers.IntegerField()
    cause = serializers.ChoiceField(VerdictCause.choices)
    method = serializers.CharField()
    seed = serializers.IntegerField()
    libraries = serializers.DictField(child=serializers.CharField())
    facts_sha256 = serializers.CharField()
    result_sha256 = serializers.CharField()
    data_as_of = serializers.DateTimeField()
    computed_at = serializers.DateTimeField()
    superseded_at = serializers.DateTimeField(allow_null=True)


_SAME = (
    "hypothesis", "direction", "metric_key", "metric_version", "unit_kind", "unit_ids",
    "comparison_ids", "zone", "trigger_month", "baseline_starts_on", "baseline_ends_on",
    "launch_on", "after_starts_on", "after_ends_on", "method", "alpha_percent", "minimum_n",
    "stop_rule", "seed", "promise", "content_sha256", "created_at", "approved_at", "withdrawn_at",
)  # fmt: skip


def present_registration(request: Request, row: ImpactRegistration) -> dict[str, Any]:
    """One registration as answered; its use case must be loaded."""
    return {
        "id": row.pk,
        "use_case": row.use_case.slug,
        **{name: getattr(row, name) for name in _SAME},
        "interest": nano_text(row.interest_nano),
        "guardrails": [
            {
                "metric_key": each["metric_key"],
                "metric_version": each["metric_version"],
                "worse": each["worse"],
                "margin": nano_text(each["margin_nano"]),
            }
            for each in row.guardrails
        ],
        "url": absolute(request, reverse("registration", args=[row.use_case.slug, row.pk])),
    }


def present_verdict(verdict: ImpactVerdict) -> dict[str, Any]:
    """One verdict as answered."""
    found = json.loads(verdict.result)
    estimate = found["estimate"]
    stored = (
        "number", "cause", "facts_sha256", "result_sha256", "data_as_of", "computed_at",
        "superseded_at",
    )  # fmt: skip
    computed = (
        "verdict", "is_practical", "reasons", "deviations", "n_before", "n_after", "method", "seed",
        "libraries",
    )  # fmt: skip
    return {
        "registration": verdict.registration_id,
        "interval": estimate and estimate["interval"],
        "effect": estimate and estimate["effect"],
        "scale": estimate and estimate["scale"],
        **{name: found[name] for name in computed},
        **{name: getattr(verdict, name) for name in stored},
    }


def _nano(field: str, amount: Any) -> int:
    try:
        return to_nano(amount)
    except AmountOutOfRangeError as error:
        raise invalid({field: [FieldProblem("out_of_range", str(error))]}) from error


def _wish(data: dict[str, Any]) -> Wish:
    values = dict(data)
    values["interest_nano"] = _nano("interest", values.pop("interest"))
    values["guardrails"] = [
        GuardrailWish(
            **{name: value for name, value in each.items() if name != "margin"},
            margin_nano=_nano("guardrails", each["margin"]),
        )
        for each in values.get("guardrails", ())
    ]
    values.pop("replaces", None)
    return Wish(**values)


class RegistrationsView(ApiView):
    """Registered effects of one use case."""

    scopes: ClassVar[dict[str, str]] = {"GET": "registry:read", "POST": "registry:write"}
    ordering: ClassVar[tuple[str, ...]] = ("id",)

    @operation(
        "registrations_list",
        "List the registered effects of a use case, oldest first",
        tag=TAG,
        answer=page_of(RegistrationSerializer),
        query=NoFilters,
        parameters=[SLUG],
        paged=True,
        found_by_path=True,
    )
    def get(self, request: Request, slug: str) -> Any:
        use_case = use_case_or_404(request, slug)
        read_query(request, NoFilters)
        rows = registrations_visible_to(request.user).filter(use_case=use_case)
        return list_response(
            request,
            rows.select_related("use_case"),
            lambda found: [present_registration(request, row) for row in found],
            ordering=self.ordering,
        )

    @operation(
        "registrations_create",
        "Register an effect before its launch",
        tag=TAG,
        description="For the owner of the use case and programme leads. The answer says what the "
        "baseline can show. It counts once another person has approved exactly this.",
        answer=RegistrationSerializer,
        body=RegistrationWishSerializer,
        status=201,
        parameters=[SLUG],
        found_by_path=True,
    )
    def post(self, request: Request, slug: str) -> Any:
        use_case = use_case_or_404(request, slug)
        if not may_edit_use_case(request.user, use_case):
            raise PermissionDenied
        data = read_body(request, RegistrationWishSerializer).validated_data

        def work() -> Answer:
            made = register_impact(
                use_case_id=use_case.pk,
                wish=_wish(data),
                replaces_id=data.get("replaces"),
                actor=signed_in(request),
                at=timezone.now(),
            )
            shown = present_registration(request, made)
            headers = {"Location": shown["url"], "ETag": version_tag(request, 1, shown)}
            return Answer(201, shown, headers)

        return answer_once(request, work)


class VerdictsView(ApiView):
    """Verdicts of one use case, superseded ones too."""

    scopes: ClassVar[dict[str, str]] = {"GET": "registry:read"}
    ordering: ClassVar[tuple[str, ...]] = ("registration_id", "number", "id")

    @operation(
        "verdicts_list",
        "List the verdicts of a use case",
        tag=TAG,
        description="Every verdict of every registration, whichever way it went. Nothing is here "
        "before a window has closed; a superseded verdict stays and says since when.",
        answer=page_of(VerdictSerializer),
        query=NoFilters,
        parameters=[SLUG],
        paged=True,
        found_by_path=True,
    )
    def get(self, request: Request, slug: str) -> Any:
        use_case = use_case_or_404(request, slug)
        read_query(request, NoFilters)
        rows = verdicts_visible_to(request.user).filter(registration__use_case=use_case)
        return list_response(
            request,
            rows,
            lambda found: [present_verdict(row) for row in found],
            ordering=self.ordering,
        )
