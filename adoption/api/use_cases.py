"""Use cases: list and register, read and edit."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db.models import Count, Max, QuerySet, Sum
from django.http import Http404
from django.utils import timezone
from rest_framework import serializers
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request

from adoption.api.records import COLUMNS, RecordSerializer, RecordStateSerializer, present_record
from adoption.choices import RiskTier, Stage, ValueType
from adoption.models import Programme, Team, UseCase
from adoption.policies import may_edit_use_case, may_register_use_case
from adoption.selectors.programmes import programmes_visible_to
from adoption.selectors.teams import teams_visible_to
from adoption.selectors.use_cases import use_cases_visible_to
from adoption.services.use_cases import create_use_case, update_use_case
from portal.api.errors import FieldProblem, invalid
from portal.api.etags import required_version, version_tag
from portal.api.idempotency import Answer, answer_once
from portal.api.schema import operation, page_of, path_slug
from portal.api.views import (
    ApiView,
    address,
    conditional,
    list_response,
    read_body,
    read_query,
    signed_in,
)

TAG = "Use cases"
SLUG = path_slug("slug", "The use case.")
# Slugs and sign-in names never change, so that a list's tag need not look at what they name.
_NAMED = {"programme": "programme__slug", "team": "team__slug", "owner": "owner__username"}
_PLAIN = ("id", "slug", "title", "value_type", "risk_tier", "stage", "stage_since", "updated_at",
          "version")  # fmt: skip
_DETAILED = ("problem", "hypothesis", "stop_rule", "created_at")


class UseCaseSummarySerializer(serializers.Serializer[Any]):
    """A use case in a list."""

    slug = serializers.SlugField(help_text="Its name in addresses, for ever.")
    title = serializers.CharField()
    programme = serializers.SlugField()
    team = serializers.SlugField()
    owner = serializers.CharField(help_text="Sign-in name of the person who answers for it.")
    value_type = serializers.ChoiceField(ValueType.choices)
    risk_tier = serializers.ChoiceField(RiskTier.choices)
    stage = serializers.ChoiceField(Stage.choices)
    stage_since = serializers.DateField(help_text="A day in the programme's time zone.")
    updated_at = serializers.DateTimeField()
    version = serializers.IntegerField(help_text="Rises with every write.")
    url = serializers.URLField()


class UseCaseSerializer(UseCaseSummarySerializer, RecordStateSerializer):
    """A use case, with its record."""

    problem = serializers.CharField()
    hypothesis = serializers.CharField()
    stop_rule = serializers.CharField(help_text="Which measured result would end it.")
    owner_name = serializers.CharField()
    created_at = serializers.DateTimeField()
    milestones_url = serializers.URLField()
    deliveries_url = serializers.URLField()
    comments_url = serializers.URLField()
    links_url = serializers.URLField()


class UseCaseChangesSerializer(serializers.Serializer[Any]):
    """What an edit may change. Stage and owner are decided on the page, with a reason."""

    title = serializers.CharField(max_length=160)
    programme = serializers.SlugField()
    team = serializers.SlugField()
    value_type = serializers.ChoiceField(ValueType.choices)
    risk_tier = serializers.ChoiceField(RiskTier.choices, required=False)
    problem = serializers.CharField(required=False, allow_blank=True, max_length=20_000)
    hypothesis = serializers.CharField(required=False, allow_blank=True, max_length=20_000)
    stop_rule = serializers.CharField(required=False, allow_blank=True, max_length=20_000)
    record = RecordSerializer(
        required=False, help_text="Fields of the record; those left out stay as they are."
    )


class UseCaseFilters(serializers.Serializer[Any]):
    programme = serializers.SlugField(required=False)
    team = serializers.SlugField(required=False)
    owner = serializers.CharField(required=False, help_text="A sign-in name.")
    stage = serializers.ChoiceField(Stage.choices, required=False)
    value_type = serializers.ChoiceField(ValueType.choices, required=False)


_LOOKUPS = {
    "programme": "programme__slug",
    "team": "team__slug",
    "owner": "owner__username",
    "stage": "stage",
    "value_type": "value_type",
}


def _state(rows: QuerySet[UseCase]) -> Any:
    """Every write raises a version, so these tell any change of the list. One query."""
    return rows.order_by().aggregate(
        count=Count("pk"), versions=Sum("version"), newest=Max("updated_at"), last=Max("pk")
    )


def _present(row: dict[str, Any], base: str) -> dict[str, Any]:
    """One row as answered; `base` is the list's address, worked out once a page."""
    shown = {name: row[name] for name in _PLAIN if name != "id"}
    shown |= {name: row[column] for name, column in _NAMED.items()}
    return shown | {"url": f"{base}{row['slug']}/"}


def _read(request: Request, slug: str) -> dict[str, Any]:
    row = (
        use_cases_visible_to(request.user)
        .filter(slug=slug)
        .values(*_PLAIN, *_DETAILED, *_NAMED.values(), "owner__full_name", *COLUMNS)
        .first()
    )
    if row is None:
        raise Http404
    return row


def _detail(request: Request, row: dict[str, Any]) -> dict[str, Any]:
    return {
        **_present(row, address(request, "api-use-cases")),
        **{name: row[name] for name in _DETAILED},
        **present_record(row),
        "owner_name": row["owner__full_name"] or row["owner__username"],
        "milestones_url": address(request, "api-milestones", row["slug"]),
        "deliveries_url": address(request, "api-use-case-deliveries", row["slug"]),
        "comments_url": address(request, "api-use-case-comments", row["slug"]),
        "links_url": address(request, "api-use-case-links", row["slug"]),
    }


def use_case_or_404(request: Request, slug: str) -> UseCase:
    """The use case with this slug, when the caller may see it.

    Raises:
        Http404: otherwise.
    """
    found = (
        use_cases_visible_to(request.user)
        .select_related("programme", "owner")
        .filter(slug=slug)
        .first()
    )
    if found is None:
        raise Http404
    return found


def _named(found: Any, field: str, slug: str) -> Any:
    if found is None:
        raise invalid({field: [FieldProblem("does_not_exist", f"There is no {field} {slug!r}.")]})
    return found


def _resolved(request: Request, data: dict[str, Any]) -> dict[str, Any]:
    """`data` with programme and team looked up, and the record as the services take it."""
    values = dict(data)
    if "record" in values:
        values["profile"] = values.pop("record")
    if "programme" in values:
        slug = values["programme"]
        programme: Programme | None = programmes_visible_to(request.user).filter(slug=slug).first()
        values["programme"] = _named(programme, "programme", slug)
    if "team" in values:
        slug = values["team"]
        team: Team | None = teams_visible_to(request.user).filter(slug=slug).first()
        values["team"] = _named(team, "team", slug)
    return values


class UseCasesView(ApiView):
    """All use cases that the caller may see."""

    scopes: ClassVar[dict[str, str]] = {"GET": "registry:read", "POST": "registry:write"}
    ordering: ClassVar[tuple[str, ...]] = ("title", "id")

    @operation(
        "use_cases_list",
        "List use cases by title",
        tag=TAG,
        answer=page_of(UseCaseSummarySerializer),
        query=UseCaseFilters,
        paged=True,
    )
    def get(self, request: Request) -> Any:
        wanted = read_query(request, UseCaseFilters).validated_data
        rows = use_cases_visible_to(request.user).filter(
            **{_LOOKUPS[name]: value for name, value in wanted.items()}
        )
        base = address(request, "api-use-cases")
        return list_response(
            request,
            rows.values(*_PLAIN, *_NAMED.values()),
            lambda found: [_present(row, base) for row in found],
            ordering=self.ordering,
            state=lambda: _state(rows),
        )

    @operation(
        "use_cases_create",
        "Propose a use case",
        tag=TAG,
        description="It starts as `proposed`, and you are its owner.",
        answer=UseCaseSerializer,
        body=UseCaseChangesSerializer,
        status=201,
    )
    def post(self, request: Request) -> Any:
        if not may_register_use_case(request.user):
            raise PermissionDenied
        values = _resolved(request, read_body(request, UseCaseChangesSerializer).validated_data)

        def work() -> Answer:
            made = create_use_case(
                **values, owner=signed_in(request), actor=signed_in(request), at=timezone.now()
            )
            row = _read(request, made.slug)
            detail = _detail(request, row)
            headers = {"Location": detail["url"], "ETag": version_tag(request, made.version, row)}
            return Answer(201, detail, headers)

        return answer_once(request, work)


class UseCaseView(ApiView):
    """One use case."""

    scopes: ClassVar[dict[str, str]] = {"GET": "registry:read", "PATCH": "registry:write"}

    @operation(
        "use_case_read",
        "Read a use case",
        tag=TAG,
        answer=UseCaseSerializer,
        parameters=[SLUG],
        found_by_path=True,
    )
    def get(self, request: Request, slug: str) -> Any:
        row = _read(request, slug)
        tag = version_tag(request, row["version"], row)
        return conditional(request, tag, lambda: _detail(request, row))

    @operation(
        "use_case_update",
        "Change fields of a use case",
        tag=TAG,
        description="For its owner and programme leads. Fields that are left out stay as they are.",
        answer=UseCaseSerializer,
        body=UseCaseChangesSerializer,
        parameters=[SLUG],
        governed=True,
        found_by_path=True,
    )
    def patch(self, request: Request, slug: str) -> Any:
        use_case = use_case_or_404(request, slug)
        if not may_edit_use_case(request.user, use_case):
            raise PermissionDenied
        version = required_version(request)
        data = read_body(request, UseCaseChangesSerializer, partial=True).validated_data
        update_use_case(
            use_case_id=use_case.pk,
            expected_version=version,
            actor=signed_in(request),
            at=timezone.now(),
            **_resolved(request, data),
        )
        return self.get(request, slug)
