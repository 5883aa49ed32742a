"""DORA's five of one service for other systems: approved ones, each as `values` would answer it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any, ClassVar

from django.http import Http404
from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter
from rest_framework import serializers
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request

from adoption.api.metric_choice import Choice, announce_end, choose, not_approved
from adoption.api.metric_shapes import MetricValueSerializer, present_value
from adoption.api.metric_values import read_values
from adoption.choices import ScopeKind, StandingStatus
from adoption.metrics.registry import metrics
from adoption.models import Service
from adoption.policies import may_see_registry
from adoption.selectors.dora import FIVE, service_or_none
from adoption.selectors.metric_scopes import Scope, scopes_of
from adoption.selectors.metric_standings import versions_of
from adoption.selectors.served_state import served_state
from portal.api.errors import NOT_APPROVED, Problem
from portal.api.etags import state_tag
from portal.api.schema import operation
from portal.api.views import ApiView, conditional, read_query, signed_in

TAG = "Metrics"


class DoraFilters(serializers.Serializer[Any]):
    """Which windows."""

    to = serializers.DateField(required=False, help_text="Windows that end by this day, exclusive.")
    as_of = serializers.DateTimeField(
        required=False, help_text="Values as they were known at this moment."
    )

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        # `from` is a word of the language and cannot be declared above.
        first = serializers.DateField(required=False, help_text="Windows that start on or after.")
        return {"from": first, **super().get_fields()}


class DoraServiceSerializer(serializers.Serializer[Any]):
    """The service that the values are about."""

    key = serializers.CharField()
    name = serializers.CharField()
    scope = serializers.CharField(help_text="As `values` takes it: `service:12`.")


class DoraMetricSerializer(serializers.Serializer[Any]):
    """One of the five that is approved for this service, window by window."""

    metric = serializers.CharField()
    label = serializers.CharField()  # type: ignore[assignment]
    version = serializers.CharField()
    results = MetricValueSerializer(many=True)


class DoraNotServedSerializer(serializers.Serializer[Any]):
    """One of the five that is not answered, and where it stands."""

    metric = serializers.CharField()
    status = serializers.ChoiceField(StandingStatus.choices)


class DoraSerializer(serializers.Serializer[Any]):
    """Context for the team that runs a service. No target is set on it; services do not compare."""

    service = DoraServiceSerializer()
    metrics = DoraMetricSerializer(many=True)
    not_served = DoraNotServedSerializer(many=True)


class ServiceDoraView(ApiView):
    """DORA's five of one service."""

    scopes: ClassVar[dict[str, str]] = {"GET": "metrics:read"}

    @operation(
        "service_dora_read",
        "Read DORA's five metrics of a service",
        tag=TAG,
        description="Those that are approved for this service, each value with all that it must "
        "say; the others are named with their status. 409 when none is approved. Context and "
        "guardrails: they are no targets, and services are not to be compared by them.",
        answer=DoraSerializer,
        query=DoraFilters,
        parameters=[
            OpenApiParameter(
                "key",
                str,
                OpenApiParameter.PATH,
                description="Key of the service, such as `git.example/acme/shop`, or its number.",
            )
        ],
        found_by_path=True,
        problems=[NOT_APPROVED],
    )
    def get(self, request: Request, key: str) -> Any:
        if not may_see_registry(request.user):
            raise PermissionDenied
        wanted = read_query(request, DoraFilters, paged=False).validated_data
        service = service_or_none(request.user, key)
        if service is None:
            raise Http404
        now = timezone.now()
        chosen, left = _chosen(request, scopes_of(ScopeKind.SERVICE, [service.pk])[service.pk])
        if not chosen:
            raise not_approved(None, next(iter(left.values())), ", ".join(left))
        reader = signed_in(request)
        states = [served_state(each.version.key, viewer=reader, at=now) for each in chosen]
        tag = state_tag(request, states, left, service.name)
        response = conditional(
            request, tag, lambda: _present(request, service, chosen, left, wanted, now)
        )
        for choice in chosen:
            announce_end(response, choice)
        return response


def _chosen(request: Request, scope: Scope) -> tuple[list[Choice], dict[str, str]]:
    """The versions that answer for this service, and where the other metrics stand."""
    chosen: list[Choice] = []
    left: dict[str, str] = {}
    for key in FIVE:
        computed = [each for each in versions_of(key) if "catalogue" in each.definition]
        try:
            chosen.append(choose(computed, scope, request.user, key))
        except Problem as problem:
            left[key] = problem.more["metric_status"]
    return chosen, left


def _present(
    request: Request,
    service: Service,
    chosen: list[Choice],
    left: Mapping[str, str],
    wanted: Mapping[str, Any],
    now: dt.datetime,
) -> dict[str, Any]:
    shown = []
    for choice in chosen:
        values, around = read_values(request, choice, wanted, now)
        key = choice.version.key
        shown.append(
            {
                "metric": key,
                "label": metrics.get(key).label,
                "version": choice.version.version,
                "results": [present_value(request, value, around) for value in values],
            }
        )
    return {
        "service": {
            "key": service.key,
            "name": service.name,
            "scope": f"{ScopeKind.SERVICE}:{service.pk}",
        },
        "metrics": shown,
        "not_served": [{"metric": key, "status": status} for key, status in left.items()],
    }
