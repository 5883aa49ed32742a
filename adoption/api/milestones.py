"""Milestones of a use case: promises, and what was measured of them."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, ClassVar

from django.db.models import QuerySet
from django.http import Http404
from django.utils import timezone
from rest_framework import serializers
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request

from adoption.api.use_cases import SLUG, use_case_or_404
from adoption.choices import Comparator, MilestoneKind, MilestoneState
from adoption.metrics.wording import metric_or_none
from adoption.models import Milestone, UseCase
from adoption.models.promises import MeasuredPromise
from adoption.policies import may_edit_use_case
from adoption.selectors.milestones import milestones_visible_to, standing_of_milestone
from adoption.services.milestones import create_milestone, update_milestone
from portal.api.errors import FieldProblem, invalid
from portal.api.etags import required_version, version_tag
from portal.api.figures import FigureSerializer, figure
from portal.api.idempotency import Answer, answer_once
from portal.api.schema import operation, page_of, path_id
from portal.api.views import (
    ApiView,
    NoFilters,
    absolute,
    address,
    conditional,
    list_response,
    read_body,
    read_query,
    signed_in,
)
from portal.shell.money import AmountOutOfRangeError, nano_text, to_nano

TAG = "Milestones"
ID = path_id("milestone_id", "The milestone.")


class ForecastSerializer(serializers.Serializer[Any]):
    """When it will be reached at the pace of the last 8 weeks; null with a reason."""

    day = serializers.DateField(allow_null=True)
    earliest = serializers.DateField(allow_null=True)
    latest = serializers.DateField(
        allow_null=True, help_text="Null with a day: more than three years ahead."
    )
    reason = serializers.CharField(allow_null=True)


def present_forecast(row: MeasuredPromise) -> dict[str, Any]:
    """The stored forecast of a milestone or a target."""
    return {
        "day": row.forecast_on,
        "earliest": row.forecast_low_on,
        "latest": row.forecast_high_on,
        "reason": row.forecast_reason or None,
    }


class MilestoneSerializer(serializers.Serializer[Any]):
    """A dated promise with a measure. State and measured value are never written by hand."""

    id = serializers.IntegerField()
    use_case = serializers.SlugField()
    title = serializers.CharField()
    due_on = serializers.DateField(help_text="A day in the programme's time zone.")
    kind = serializers.ChoiceField(
        MilestoneKind.choices, help_text="An attested one is reached by two persons, not measured."
    )
    outcome = serializers.CharField(
        allow_null=True, help_text="What will be there, of an attested one; null when measured."
    )
    metric_key = serializers.CharField(
        allow_blank=True, help_text="Key of the metric that measures it; empty when attested."
    )
    comparator = serializers.ChoiceField(Comparator.choices)
    threshold = serializers.CharField(help_text="Exact decimal, in the metric's unit.")
    currency = serializers.CharField(allow_null=True, help_text="Of the threshold, for money.")
    state = serializers.ChoiceField(MilestoneState.choices)
    is_at_risk = serializers.BooleanField()
    forecast = ForecastSerializer()
    reached_at = serializers.DateTimeField(allow_null=True)
    measured = FigureSerializer()
    remark = serializers.CharField(
        allow_null=True, help_text="What a reader must know beside the state, for example restated."
    )
    created_at = serializers.DateTimeField()
    version = serializers.IntegerField()
    url = serializers.URLField()


class MilestonePromiseSerializer(serializers.Serializer[Any]):
    """What a person promises."""

    title = serializers.CharField(max_length=160)
    due_on = serializers.DateField()
    metric_key = serializers.CharField(max_length=80)
    comparator = serializers.ChoiceField(Comparator.choices)
    threshold = serializers.DecimalField(
        max_digits=19,
        decimal_places=9,
        help_text="Decimal as text, in the metric's unit; a share of 80 % is 0.8.",
    )
    currency = serializers.RegexField(
        "^[A-Z]{3}$", required=False, help_text="For money metrics: the programme's own currency."
    )


def present_milestone(request: Request, milestone: Milestone) -> dict[str, Any]:
    """One milestone as answered; its use case and programme must be loaded."""
    standing = standing_of_milestone(milestone, now=timezone.now())
    slug = milestone.use_case.slug
    return {
        "id": milestone.pk,
        "use_case": slug,
        "title": milestone.title,
        "due_on": milestone.due_on,
        "kind": milestone.kind,
        "outcome": milestone.outcome or None,
        "metric_key": milestone.metric_key,
        "comparator": milestone.comparator,
        "threshold": nano_text(milestone.threshold_nano),
        "currency": milestone.currency or None,
        "state": milestone.state,
        "is_at_risk": standing.state == "at_risk",
        "forecast": present_forecast(milestone),
        "reached_at": milestone.reached_at,
        "measured": figure(
            milestone.measured_nano,
            unit=standing.metric.unit if standing.metric else "count",
            reason=milestone.measured_reason or "not_measured",
            currency=milestone.currency,
            basis=standing.figure.basis.lower(),
            status=standing.figure.status,
            as_of=milestone.measured_at,
            lineage_url=absolute(request, standing.figure.lineage_url),
        ),
        "remark": standing.remark or None,
        "created_at": milestone.created_at,
        "version": milestone.version,
        "url": address(request, "api-milestone", slug, milestone.pk),
    }


def milestones_of(use_case: UseCase, request: Request) -> QuerySet[Milestone]:
    """Those of a use case that the caller may see, as answers need them."""
    return (
        milestones_visible_to(request.user)
        .filter(use_case=use_case)
        .select_related("use_case__programme")
    )


def tag_of(request: Request, milestone: Milestone, shown: dict[str, Any]) -> str:
    """Measuring raises no version: a measured value makes nobody's edit stale, but another tag."""
    return version_tag(request, milestone.version, shown)


def _promise(
    data: dict[str, Any], use_case: UseCase, milestone: Milestone | None = None
) -> dict[str, Any]:
    """What the services want: `data`, completed by what `milestone` says already."""
    known: dict[str, Any] = {}
    if milestone is not None:
        names = ("title", "due_on", "metric_key", "comparator", "threshold_nano", "currency")
        known = {name: getattr(milestone, name) for name in names}
    values = known | {name: value for name, value in data.items() if name != "threshold"}
    if "threshold" in data:
        values["threshold_nano"] = nano_of(data["threshold"])
    if "currency" not in data and ("metric_key" in data or milestone is None):
        metric = metric_or_none(values["metric_key"])
        is_money = metric is not None and metric.unit == "money"
        values["currency"] = use_case.programme.currency if is_money else ""
    return values


def nano_of(threshold: Decimal) -> int:
    try:
        return to_nano(threshold)
    except AmountOutOfRangeError as error:
        raise invalid({"threshold": [FieldProblem("out_of_range", str(error))]}) from error


class MilestonesView(ApiView):
    """The milestones of one use case."""

    scopes: ClassVar[dict[str, str]] = {"GET": "registry:read", "POST": "registry:write"}
    ordering: ClassVar[tuple[str, ...]] = ("due_on", "id")

    @operation(
        "milestones_list",
        "List the milestones of a use case by due day",
        tag=TAG,
        answer=page_of(MilestoneSerializer),
        query=NoFilters,
        parameters=[SLUG],
        paged=True,
        found_by_path=True,
    )
    def get(self, request: Request, slug: str) -> Any:
        use_case = use_case_or_404(request, slug)
        read_query(request, NoFilters)
        return list_response(
            request,
            milestones_of(use_case, request),
            lambda found: [present_milestone(request, milestone) for milestone in found],
            ordering=self.ordering,
        )

    @operation(
        "milestones_create",
        "Promise a milestone",
        tag=TAG,
        description="For the owner of the use case and programme leads. Usage is no measure.",
        answer=MilestoneSerializer,
        body=MilestonePromiseSerializer,
        status=201,
        parameters=[SLUG],
        found_by_path=True,
    )
    def post(self, request: Request, slug: str) -> Any:
        use_case = use_case_or_404(request, slug)
        if not may_edit_use_case(request.user, use_case):
            raise PermissionDenied
        data = read_body(request, MilestonePromiseSerializer).validated_data

        def work() -> Answer:
            made = create_milestone(
                use_case_id=use_case.pk,
                **_promise(data, use_case),
                actor=signed_in(request),
                at=timezone.now(),
            )
            shown = present_milestone(request, made)
            headers = {"Location": shown["url"], "ETag": tag_of(request, made, shown)}
            return Answer(201, shown, headers)

        return answer_once(request, work)


class MilestoneView(ApiView):
    """One milestone."""

    scopes: ClassVar[dict[str, str]] = {"GET": "registry:read", "PATCH": "registry:write"}

    @operation(
        "milestone_read",
        "Read a milestone",
        tag=TAG,
        answer=MilestoneSerializer,
        parameters=[SLUG, ID],
        found_by_path=True,
    )
    def get(self, request: Request, slug: str, milestone_id: int) -> Any:
        milestone = self._find(request, use_case_or_404(request, slug), milestone_id)
        shown = present_milestone(request, milestone)
        return conditional(request, tag_of(request, milestone, shown), lambda: shown)

    @operation(
        "milestone_update",
        "Change a milestone",
        tag=TAG,
        description="For the owner of the use case and programme leads. Another measure or day "
        "opens it again; of a reached milestone only the title can change.",
        answer=MilestoneSerializer,
        body=MilestonePromiseSerializer,
        parameters=[SLUG, ID],
        governed=True,
        found_by_path=True,
    )
    def patch(self, request: Request, slug: str, milestone_id: int) -> Any:
        use_case = use_case_or_404(request, slug)
        milestone = self._find(request, use_case, milestone_id)
        if not may_edit_use_case(request.user, use_case):
            raise PermissionDenied
        version = required_version(request)
        data = read_body(request, MilestonePromiseSerializer, partial=True).validated_data
        update_milestone(
            milestone_id=milestone.pk,
            expected_version=version,
            **_promise(data, use_case, milestone),
            actor=signed_in(request),
            at=timezone.now(),
        )
        return self.get(request, slug, milestone_id)

    @staticmethod
    def _find(request: Request, use_case: UseCase, milestone_id: int) -> Milestone:
        found = milestones_of(use_case, request).filter(pk=milestone_id).first()
        if found is None:
            raise Http404
        return found
