"""Metric definitions, to read."""

from __future__ import annotations

from typing import Any, ClassVar

from django.http import Http404
from rest_framework import serializers
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request

from adoption.choices import Comparator
from adoption.metrics.registry import KNOWN_INPUTS, UNITS, MetricDefinition, metrics
from adoption.policies import may_see_registry
from portal.api.etags import content_tag
from portal.api.schema import operation, page_of, path_slug
from portal.api.views import (
    ApiView,
    NoFilters,
    address,
    conditional,
    read_query,
    whole_list_response,
)

TAG = "Metrics"


class MetricSerializer(serializers.Serializer[Any]):
    """What a metric is. Nothing that usage could raise is one."""

    key = serializers.CharField(help_text="Its name, for ever.")
    version = serializers.CharField(help_text="Semantic: a change of meaning raises the first.")
    label = serializers.CharField()  # type: ignore[assignment]
    unit = serializers.ChoiceField(sorted(UNITS))
    formula = serializers.CharField()
    inputs = serializers.ListField(child=serializers.ChoiceField(sorted(KNOWN_INPUTS)))
    comparators = serializers.ListField(
        child=serializers.ChoiceField(Comparator.choices),
        help_text="How a milestone may hold it against a threshold.",
    )
    decision = serializers.CharField(help_text="The decision that it supports.")
    url = serializers.URLField()


def _present(request: Request, metric: MetricDefinition) -> dict[str, Any]:
    return {
        "key": metric.key,
        "version": metric.version,
        "label": metric.label,
        "unit": metric.unit,
        "formula": metric.formula,
        "inputs": sorted(metric.inputs),
        "comparators": [str(comparator) for comparator in metric.comparators],
        "decision": metric.decision,
        "url": address(request, "api-metric", metric.key),
    }


class MetricsView(ApiView):
    """All definitions: few, so on one page."""

    scopes: ClassVar[dict[str, str]] = {"GET": "metrics:read"}

    @operation(
        "metrics_list",
        "List metric definitions by key",
        tag=TAG,
        answer=page_of(MetricSerializer),
        query=NoFilters,
    )
    def get(self, request: Request) -> Any:
        if not may_see_registry(request.user):
            raise PermissionDenied
        read_query(request, NoFilters, paged=False)
        found = sorted(metrics, key=lambda metric: metric.key)
        return whole_list_response(request, [_present(request, metric) for metric in found])


class MetricView(ApiView):
    """One definition."""

    scopes: ClassVar[dict[str, str]] = {"GET": "metrics:read"}

    @operation(
        "metric_read",
        "Read a metric definition",
        tag=TAG,
        answer=MetricSerializer,
        parameters=[path_slug("key", "The metric.")],
        found_by_path=True,
    )
    def get(self, request: Request, key: str) -> Any:
        if not may_see_registry(request.user):
            raise PermissionDenied
        if key not in metrics:
            raise Http404
        shown = _present(request, metrics.get(key))
        return conditional(request, content_tag(request, shown), lambda: shown)
