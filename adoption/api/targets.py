"""Adoption targets: list and set, read and change, and those of a use case."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, ClassVar

from django.http import Http404
from django.utils import timezone
from rest_framework import serializers
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request

from adoption.api.milestones import ForecastSerializer, nano_of, present_forecast
from adoption.api.use_cases import SLUG, use_case_or_404
from adoption.choices import Comparator, MilestoneState, ScopeKind
from adoption.models import AdoptionTarget, Milestone
from adoption.models.targets import TARGET_SCOPES
from adoption.policies import may_edit_target, may_see_registry, may_set_target
from adoption.selectors.milestones import milestones_visible_to
from adoption.selectors.targets import (
    standing_of_target,
    targets_of_use_case,
    targets_visible_to,
)
from adoption.selectors.teams import teams_visible_to
from adoption.services.refusals import RefusedError, StaleVersionError
from adoption.services.target_rules import TargetDraft, target_metric
from adoption.services.targets import create_target, update_target
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
from portal.shell.money import nano_text

TAG = "Adoption targets"
ID = path_id("target_id", "The target.")
_NAMES = {"threshold": "value", "milestone": "milestone_id"}
SCOPES = [(each.value, ScopeKind(each).label) for each in TARGET_SCOPES]


class TargetSerializer(serializers.Serializer[Any]):
    """An outcome of a scope, from a measured baseline to a value by a day."""

    id = serializers.IntegerField()
    title = serializers.CharField()
    scope_kind = serializers.ChoiceField(SCOPES)
    scope = serializers.SlugField(help_text="Slug of the programme, team or use case.")
    programme = serializers.SlugField()
    milestone_id = serializers.IntegerField(help_text="The milestone that it serves.")
    milestone_use_case = serializers.SlugField()
    metric_key = serializers.CharField()
    metric_version = serializers.CharField()
    comparator = serializers.ChoiceField(Comparator.choices)
    value = serializers.CharField(help_text="Exact decimal, in the metric's unit.")
    currency = serializers.CharField(allow_null=True)
    baseline = FigureSerializer(help_text="Measured when the target was set.")
    measured = FigureSerializer()
    due_on = serializers.DateField(help_text="A day in the programme's time zone.")
    state = serializers.ChoiceField(MilestoneState.choices)
    is_at_risk = serializers.BooleanField()
    forecast = ForecastSerializer()
    reached_at = serializers.DateTimeField(allow_null=True)
    withdrawn_at = serializers.DateTimeField(allow_null=True)
    created_at = serializers.DateTimeField()
    version = serializers.IntegerField()
    url = serializers.URLField()


class TargetDraftSerializer(serializers.Serializer[Any]):
    """What a person wants to reach. Usage is refused, with the outcome to use instead."""

    title = serializers.CharField(max_length=160)
    milestone_id = serializers.IntegerField(min_value=1)
    scope_kind = serializers.ChoiceField(SCOPES)
    team = serializers.SlugField(
        required=False, help_text="For the scope `team`; others follow from the milestone."
    )
    metric_key = serializers.CharField(
        required=False, allow_blank=True, max_length=80,
        help_text="Left out, it is read from the title.",
    )  # fmt: skip
    comparator = serializers.ChoiceField(Comparator.choices)
    value = serializers.DecimalField(
        max_digits=19, decimal_places=9,
        help_text="Decimal as text, in the metric's unit; a share of 80 % is 0.8.",
    )  # fmt: skip
    due_on = serializers.DateField()


class TargetFilters(serializers.Serializer[Any]):
    state = serializers.ChoiceField(MilestoneState.choices, required=False)
    scope_kind = serializers.ChoiceField(SCOPES, required=False)


def _scope_slug(target: AdoptionTarget) -> str:
    return (target.use_case or target.team or target.programme).slug


def present_target(request: Request, target: AdoptionTarget) -> dict[str, Any]:
    """One target as answered; what a standing needs must be loaded."""
    standing = standing_of_target(target, now=timezone.now())
    unit = standing.metric.unit if standing.metric else "count"
    basis = standing.figure.basis.lower()
    return {
        "id": target.pk,
        "title": target.title,
        "scope_kind": target.scope_kind,
        "scope": _scope_slug(target),
        "programme": target.programme.slug,
        "milestone_id": target.milestone_id,
        "milestone_use_case": target.milestone.use_case.slug,
        "metric_key": target.metric_key,
        "metric_version": target.metric_version,
        "comparator": target.comparator,
        "value": nano_text(target.threshold_nano),
        "currency": target.currency or None,
        "baseline": figure(
            target.baseline_nano, unit=unit, reason=target.baseline_reason or "not_measured",
            currency=target.currency, basis=basis, status=standing.baseline.status,
            as_of=target.baseline_at,
        ),
        "measured": figure(
            target.measured_nano, unit=unit, reason=target.measured_reason or "not_measured",
            currency=target.currency, basis=basis, status=standing.figure.status,
            as_of=target.measured_at,
            lineage_url=absolute(request, standing.figure.lineage_url),
        ),
        "due_on": target.due_on,
        "state": target.state,
        "is_at_risk": standing.state == "at_risk",
        "forecast": present_forecast(target),
        "reached_at": target.reached_at,
        "withdrawn_at": target.withdrawn_at,
        "created_at": target.created_at,
        "version": target.version,
        "url": address(request, "api-target", target.pk),
    }  # fmt: skip


@contextmanager
def _named_as_asked() -> Iterator[None]:
    """Refusals name the fields as this API calls them.

    Raises:
        RefusedError: as within, with the field's name here.
    """
    try:
        yield
    except StaleVersionError:
        raise
    except RefusedError as error:
        error.field = _NAMES.get(error.field, error.field)
        raise


def _draft(
    request: Request, data: dict[str, Any], known: AdoptionTarget | None = None
) -> tuple[TargetDraft, Milestone | None]:
    """What the services want: `data`, completed by what `known` says already."""
    if known is not None:
        data = {
            "title": known.title, "milestone_id": known.milestone_id,
            "scope_kind": known.scope_kind, "metric_key": known.metric_key,
            "comparator": known.comparator, "due_on": known.due_on,
        } | data  # fmt: skip
    # Usage is refused first, whatever else is wrong.
    metric = target_metric(data["title"], data.get("metric_key", ""))
    milestone = (
        milestones_visible_to(request.user)
        .select_related("use_case__programme")
        .filter(pk=data["milestone_id"])
        .first()
    )
    threshold = known.threshold_nano if known and "value" not in data else nano_of(data["value"])
    is_money = metric.unit == "money"
    draft = TargetDraft(
        title=data["title"],
        milestone_id=data["milestone_id"],
        scope_kind=data["scope_kind"],
        scope_id=_scope_id(request, data, milestone, known),
        metric_key=metric.key,
        comparator=data["comparator"],
        threshold_nano=threshold,
        currency=milestone.use_case.programme.currency if milestone and is_money else "",
        due_on=data["due_on"],
    )
    return draft, milestone


def _allowed_draft(
    request: Request, data: dict[str, Any], known: AdoptionTarget | None = None
) -> TargetDraft:
    """The draft, if this person may set it.

    Raises:
        PermissionDenied: the scope is not theirs.
    """
    draft, milestone = _draft(request, data, known)
    if milestone is not None and not may_set_target(
        request.user, milestone.use_case, draft.scope_kind
    ):
        raise PermissionDenied
    return draft


def _scope_id(
    request: Request,
    data: dict[str, Any],
    milestone: Milestone | None,
    known: AdoptionTarget | None,
) -> int:
    if data["scope_kind"] == ScopeKind.TEAM:
        if "team" not in data and known is not None and known.team_id:
            return known.team_id
        team = teams_visible_to(request.user).filter(slug=data.get("team", "")).first()
        if team is None:
            raise invalid({"team": [FieldProblem("does_not_exist", "There is no such team.")]})
        return int(team.pk)
    if milestone is None:
        return 0
    is_programme = data["scope_kind"] == ScopeKind.PROGRAMME
    return milestone.use_case.programme_id if is_programme else milestone.use_case_id


def _tag(request: Request, target: AdoptionTarget, shown: dict[str, Any]) -> str:
    return version_tag(request, target.version, shown)


class TargetsView(ApiView):
    """All adoption targets."""

    scopes: ClassVar[dict[str, str]] = {"GET": "registry:read", "POST": "registry:write"}
    ordering: ClassVar[tuple[str, ...]] = ("due_on", "id")

    @operation(
        "targets_list",
        "List adoption targets by due day",
        tag=TAG,
        answer=page_of(TargetSerializer),
        query=TargetFilters,
        paged=True,
    )
    def get(self, request: Request) -> Any:
        chosen = read_query(request, TargetFilters).validated_data
        return list_response(
            request,
            targets_visible_to(request.user).filter(**chosen),
            lambda found: [present_target(request, target) for target in found],
            ordering=self.ordering,
        )

    @operation(
        "targets_create",
        "Set an adoption target",
        tag=TAG,
        description="For the owner of the milestone's use case; for a team or a programme, for "
        "programme leads. The baseline is measured. A target on usage (tokens, active users, "
        "prompts, seats, …) is refused with the reason and the outcome metric to use instead.",
        answer=TargetSerializer,
        body=TargetDraftSerializer,
        status=201,
    )
    def post(self, request: Request) -> Any:
        if not may_see_registry(request.user):
            raise PermissionDenied
        data = read_body(request, TargetDraftSerializer).validated_data

        def work() -> Answer:
            with _named_as_asked():
                draft = _allowed_draft(request, data)
                made = create_target(draft=draft, actor=signed_in(request), at=timezone.now())
            shown = present_target(request, targets_visible_to(request.user).get(pk=made.pk))
            headers = {"Location": shown["url"], "ETag": _tag(request, made, shown)}
            return Answer(201, shown, headers)

        return answer_once(request, work)


class TargetView(ApiView):
    """One adoption target."""

    scopes: ClassVar[dict[str, str]] = {"GET": "registry:read", "PATCH": "registry:write"}

    @operation(
        "target_read",
        "Read an adoption target",
        tag=TAG,
        answer=TargetSerializer,
        parameters=[ID],
        found_by_path=True,
    )
    def get(self, request: Request, target_id: int) -> Any:
        target = self._find(request, target_id)
        shown = present_target(request, target)
        return conditional(request, _tag(request, target, shown), lambda: shown)

    @operation(
        "target_update",
        "Change an adoption target",
        tag=TAG,
        description="For whoever may set one like it. Another promise opens it again, and another "
        "metric or scope has another baseline; of a reached one only the title can change.",
        answer=TargetSerializer,
        body=TargetDraftSerializer,
        parameters=[ID],
        governed=True,
        found_by_path=True,
    )
    def patch(self, request: Request, target_id: int) -> Any:
        target = self._find(request, target_id)
        if not may_edit_target(request.user, target):
            raise PermissionDenied
        version = required_version(request)
        data = read_body(request, TargetDraftSerializer, partial=True).validated_data
        with _named_as_asked():
            update_target(
                target_id=target.pk,
                expected_version=version,
                draft=_allowed_draft(request, data, target),
                actor=signed_in(request),
                at=timezone.now(),
            )
        return self.get(request, target_id)

    @staticmethod
    def _find(request: Request, target_id: int) -> AdoptionTarget:
        found = targets_visible_to(request.user).filter(pk=target_id).first()
        if found is None:
            raise Http404
        return found


class UseCaseTargetsView(ApiView):
    """Targets about a use case, or that serve one of its milestones."""

    scopes: ClassVar[dict[str, str]] = {"GET": "registry:read"}
    ordering: ClassVar[tuple[str, ...]] = ("due_on", "id")

    @operation(
        "use_case_targets_list",
        "List the targets of a use case by due day",
        tag=TAG,
        answer=page_of(TargetSerializer),
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
            targets_of_use_case(request.user, use_case),
            lambda found: [present_target(request, target) for target in found],
            ordering=self.ordering,
        )
