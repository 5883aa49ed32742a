"""The sandbox: sample values in the shape of real ones, for writing a reader of them.

It answers like `values` with any token that may read metrics, reads nothing of the house, and marks
everything: `sandbox` is true, keys begin with `sandbox_`, and each value has the warning `sandbox`.
"""

from __future__ import annotations

from typing import Any, ClassVar

from django.http import Http404
from rest_framework import serializers
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request

from adoption.api.metric_choice import Choice, announce_end, not_approved
from adoption.api.metric_files import FILES, RENDERERS, as_csv, as_parquet
from adoption.api.metric_shapes import MetricValuesSerializer, Surroundings, present_value
from adoption.api.sandbox_samples import LOOKED_AT, MARK, SAMPLES, SCOPE, Sample, sample_or_none
from adoption.policies import may_see_registry
from adoption.selectors.metric_standings import Freshness, is_served
from portal.api.errors import NOT_APPROVED
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

TAG = "Sandbox"


class SandboxFilters(serializers.Serializer[Any]):
    """Which sample values."""

    to = serializers.DateField(required=False, help_text="Windows that end by this day, exclusive.")
    format = serializers.ChoiceField(
        ["json", "csv", "parquet"], required=False, help_text="Instead of `Accept`."
    )

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        # `from` is a word of the language and cannot be declared above.
        first = serializers.DateField(required=False, help_text="Windows that start on or after.")
        return {"from": first, **super().get_fields()}


class SandboxMetricSerializer(serializers.Serializer[Any]):
    """One sample."""

    key = serializers.CharField()
    shows = serializers.CharField(help_text="What a reader learns from it.")
    url = serializers.URLField()


class SandboxValuesSerializer(MetricValuesSerializer):
    """Sample values. Never put one into a report."""

    sandbox = serializers.BooleanField(help_text="Always true.")


class SandboxMetricsView(ApiView):
    """The samples."""

    scopes: ClassVar[dict[str, str]] = {"GET": "metrics:read"}

    @operation(
        "sandbox_metrics_list",
        "List the samples of the sandbox",
        tag=TAG,
        answer=page_of(SandboxMetricSerializer),
        query=NoFilters,
    )
    def get(self, request: Request) -> Any:
        if not may_see_registry(request.user):
            raise PermissionDenied
        read_query(request, NoFilters, paged=False)
        shown = [
            {
                "key": each.key,
                "shows": each.shows,
                "url": address(request, "api-sandbox-values", each.key),
            }
            for each in SAMPLES
        ]
        return whole_list_response(request, shown)


class SandboxValuesView(ApiView):
    """Values of one sample."""

    scopes: ClassVar[dict[str, str]] = {"GET": "metrics:read"}
    renderer_classes = RENDERERS

    @operation(
        "sandbox_values_list",
        "List sample values of the sandbox",
        tag=TAG,
        description="In the shape of `/metrics/{key}/values/`, with its 409, its tag and its "
        "headers. Marked everywhere, and about nothing of this house.",
        answer=SandboxValuesSerializer,
        query=SandboxFilters,
        parameters=[path_slug("key", "The sample.")],
        found_by_path=True,
        problems=[NOT_APPROVED],
        files=FILES,
    )
    def get(self, request: Request, key: str) -> Any:
        if not may_see_registry(request.user):
            raise PermissionDenied
        wanted = read_query(request, SandboxFilters, paged=False).validated_data
        sample = sample_or_none(key)
        if sample is None:
            raise Http404
        trust = sample.trust()
        if not is_served(trust):
            raise not_approved("1.0.0", trust.status, key)
        shown = _shown(request, sample, wanted)
        name = request.accepted_renderer.format
        if name == "json":
            body: Any = _document(sample, shown)
        else:
            body = as_csv(shown) if name == "csv" else as_parquet(shown)
        response = conditional(request, content_tag(request, [name, shown]), lambda: body)
        if name != "json":
            response["Content-Disposition"] = f'attachment; filename="{key}.{name}"'
        announce_end(response, Choice(sample.version(), {SCOPE.pk: SCOPE}, {SCOPE.pk: trust}, []))
        return response


def _shown(request: Request, sample: Sample, wanted: dict[str, Any]) -> list[dict[str, Any]]:
    around = Surroundings(
        version=sample.version(),
        standings={SCOPE.pk: sample.trust()},
        scopes={SCOPE.pk: SCOPE},
        freshness=Freshness(LOOKED_AT, sample.values()[-1].window.ends_on, is_stale=False),
        guardrails={},
        changes={},
        is_now=True,
    )
    first, last = wanted.get("from"), wanted.get("to")
    here = address(request, "api-sandbox-values", sample.key)
    return [
        shown | {"warnings": [MARK, *shown["warnings"]], "lineage": [here]}
        for value in sample.values()
        if (first is None or value.window.starts_on >= first)
        and (last is None or value.window.ends_on <= last)
        for shown in [present_value(request, value, around)]
    ]


def _document(sample: Sample, shown: list[dict[str, Any]]) -> dict[str, Any]:
    version = sample.version()
    return {
        "sandbox": True,
        "metric": version.key,
        "version": version.version,
        "definition_sha256": version.definition_sha256,
        "scope_kind": str(SCOPE.kind),
        "filled_until": sample.values()[-1].window.ends_on,
        "results": shown,
        "not_served": [],
    }
