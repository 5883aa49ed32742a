"""Metric definitions, to read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from django.http import Http404
from rest_framework import serializers
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request

from adoption.choices import Comparator, ScopeKind, StandingStatus
from adoption.metrics.documents import definition_document, document_sha256
from adoption.metrics.registry import KNOWN_INPUTS, UNITS, MetricDefinition, metrics
from adoption.policies import may_see_registry
from adoption.selectors.metric_scopes import scopes_of
from adoption.selectors.metric_standings import standings_visible_to
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
from portal.shell.money import nano_text

TAG = "Metrics"


class CatalogueSerializer(serializers.Serializer[Any]):
    """How it is computed window by window, and what a reader must know before trusting it."""

    number = serializers.IntegerField()
    scope = serializers.ChoiceField(ScopeKind.choices)
    window = serializers.CharField()
    matures_after_hours = serializers.IntegerField()
    minimum_n = serializers.IntegerField()
    k = serializers.IntegerField(help_text="Fewest contributors; 0: not about people.")
    coverage_bound = serializers.CharField(
        help_text="By how much coverages may differ for two windows to be compared."
    )
    better = serializers.CharField()
    dimension = serializers.CharField()
    is_value = serializers.BooleanField()
    guardrails = serializers.ListField(child=serializers.CharField())
    resists = serializers.DictField(
        child=serializers.CharField(), help_text="Attack → the test that shows it."
    )
    readers = serializers.CharField()
    withheld_from = serializers.CharField()


class StandingSerializer(serializers.Serializer[Any]):
    """How far a version is trusted in a scope."""

    version = serializers.CharField()
    scope = serializers.CharField(help_text="A kind alone stands for all of it.")
    status = serializers.ChoiceField(StandingStatus.choices)
    owner = serializers.CharField()
    certified_until = serializers.DateTimeField(allow_null=True)
    sunset_on = serializers.DateField(allow_null=True)


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
    definition_sha256 = serializers.CharField()
    catalogue = CatalogueSerializer(
        allow_null=True, help_text="Null for one that only milestones use."
    )
    superseded_versions = serializers.ListField(child=serializers.CharField())
    standings = StandingSerializer(many=True)
    url = serializers.URLField()


def _standings(request: Request, keys: Sequence[str]) -> dict[str, list[dict[str, Any]]]:
    """Standings by metric, in three queries or so, whatever their number."""
    rows = standings_visible_to(request.user).filter(metric_version__key__in=keys)
    found = list(rows.order_by("metric_version__key", "scope_kind", "scope_id"))
    refs = {
        (kind, scope.pk): scope.ref
        for kind in {row.scope_kind for row in found}
        for scope in scopes_of(kind, {row.scope_id for row in found}).values()
    }
    by_key: dict[str, list[dict[str, Any]]] = {}
    for row in found:
        by_key.setdefault(row.metric_version.key, []).append(
            {
                "version": row.metric_version.version,
                "scope": refs.get((row.scope_kind, row.scope_id), row.scope_kind),
                "status": row.status,
                "owner": row.owner.get_full_name() or row.owner.get_username(),
                "certified_until": row.certified_until,
                "sunset_on": row.sunset_on,
            }
        )
    return by_key


def _present(
    request: Request, metric: MetricDefinition, standings: Mapping[str, list[dict[str, Any]]]
) -> dict[str, Any]:
    document = definition_document(metric)
    catalogue = document.get("catalogue")
    if catalogue is not None:
        bound = catalogue.pop("coverage_bound_nano")
        catalogue = {**catalogue, "coverage_bound": nano_text(bound)}
        catalogue.pop("is_effect")
    return {
        "key": metric.key,
        "version": metric.version,
        "label": metric.label,
        "unit": metric.unit,
        "formula": metric.formula,
        "inputs": sorted(metric.inputs),
        "comparators": [str(comparator) for comparator in metric.comparators],
        "decision": metric.decision,
        "definition_sha256": document_sha256(definition_document(metric)),
        "catalogue": catalogue,
        "superseded_versions": [each.version for each in metric.superseded_versions],
        "standings": standings.get(metric.key, []),
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
        standings = _standings(request, [metric.key for metric in found])
        return whole_list_response(
            request, [_present(request, metric, standings) for metric in found]
        )


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
        shown = _present(request, metrics.get(key), _standings(request, [key]))
        return conditional(request, content_tag(request, shown), lambda: shown)
