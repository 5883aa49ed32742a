"""Values of metrics for reports: approved ones, with all that they must say, and nothing else."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any, ClassVar

from django.http import Http404, HttpResponseNotModified
from django.utils import timezone
from rest_framework import serializers
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request
from rest_framework.response import Response

from adoption.api.metric_choice import (
    Choice,
    announce_end,
    asked_scope,
    choose,
    exportable,
    pinned_versions,
)
from adoption.api.metric_files import FILES, RENDERERS, as_csv, as_parquet
from adoption.api.metric_shapes import (
    MetricValuesSerializer,
    Surroundings,
    present_value,
)
from adoption.metrics.registry import computed_versions, metrics
from adoption.policies import may_see_registry
from adoption.selectors.metric_guardrails import guardrails_of
from adoption.selectors.metric_standings import (
    add_people,
    freshness_of,
    versions_of,
)
from adoption.selectors.metric_values import (
    ShownValue,
    values_of,
    with_previous,
)
from adoption.selectors.served_state import served_state
from portal.api.errors import NOT_APPROVED, FieldProblem, invalid
from portal.api.etags import is_named, matches, state_tag
from portal.api.schema import operation, path_slug
from portal.api.views import ApiView, not_modified, read_query, signed_in
from portal.audit.record import record_event
from portal.choices import AuditOperation

TAG = "Metrics"
MOST_VALUES = 2_000
_SERVED = "Approved and certified versions only; review due and deprecated ones say so."


class ValueFilters(serializers.Serializer[Any]):
    """Which values."""

    scope = serializers.RegexField(
        r"^[a-z_]{1,16}:[A-Za-z0-9_-]{1,100}$",
        required=False,
        help_text="`use_case:answer-drafts`, `team:platform`, `programme:…`, `service:12`; without "
        "it every scope in which the metric is approved.",
    )
    to = serializers.DateField(required=False, help_text="Windows that end by this day, exclusive.")
    as_of = serializers.DateTimeField(
        required=False, help_text="Values as they were known at this moment."
    )
    version = serializers.CharField(
        required=False, max_length=20, help_text="Pins a version; without it the newest approved."
    )
    compare = serializers.ChoiceField(
        ["previous"], required=False, help_text="Adds the difference to the window before."
    )
    format = serializers.ChoiceField(
        ["json", "csv", "parquet"], required=False, help_text="Instead of `Accept`."
    )

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        # `from` is a word of the language and cannot be declared above.
        first = serializers.DateField(required=False, help_text="Windows that start on or after.")
        return {"from": first, **super().get_fields()}


class MetricValuesView(ApiView):
    """Values of one metric."""

    scopes: ClassVar[dict[str, str]] = {"GET": "metrics:read"}
    renderer_classes = RENDERERS

    @operation(
        "metric_values_list",
        "List values of a metric",
        tag=TAG,
        description=f"{_SERVED} Anything else is a 409 with its status. CSV and Parquet by "
        "`Accept` or `format`; certified values only leave as a file, and who took them is noted.",
        answer=MetricValuesSerializer,
        query=ValueFilters,
        parameters=[path_slug("key", "The metric.")],
        found_by_path=True,
        problems=[NOT_APPROVED],
        files=FILES,
    )
    def get(self, request: Request, key: str) -> Any:
        if not may_see_registry(request.user):
            raise PermissionDenied
        now = timezone.now()
        tag = tag_of(request, key, now)
        if is_named(request, tag):  # this very question was answered, and nothing has changed
            return HttpResponseNotModified(headers={"ETag": tag})  # nothing to render
        versions = versions_of(key)
        if key not in metrics and not versions:
            raise Http404
        wanted = read_query(request, ValueFilters, paged=False).validated_data
        computed = [each for each in versions if "catalogue" in each.definition]
        kinds = {each.definition["catalogue"]["scope"] for each in computed} or _kinds(key)
        scope = asked_scope(wanted.get("scope"), kinds)
        pinned = pinned_versions(computed, wanted.get("version"))
        if scope is not None:
            pinned = [
                each for each in pinned if each.definition["catalogue"]["scope"] == scope.kind
            ]
        choice = choose(pinned, scope, request.user, key)
        if request.accepted_renderer.format != "json":
            choice = exportable(choice, key, now)
        response = _answer(request, choice, wanted, tag, now)
        announce_end(response, choice)
        return response


def _kinds(key: str) -> set[str]:
    """The grain as the code says, for a metric that was never filled."""
    found = computed_versions(metrics.get(key)) if key in metrics else ()
    return {str(each.windowed.scope) for each in found if each.windowed is not None}


def tag_of(request: Request, key: str, now: dt.datetime) -> str:
    """The tag of a metric's values at this address for this reader, in one query."""
    state = served_state(key, viewer=signed_in(request), at=now)
    return state_tag(request, request.accepted_renderer.format, state)


def _answer(
    request: Request, choice: Choice, wanted: Mapping[str, Any], tag: str, now: dt.datetime
) -> Response:
    if matches(request, tag):
        return not_modified(tag)
    values, around = read_values(request, choice, wanted, now)
    shown = [present_value(request, value, around) for value in values]
    name = request.accepted_renderer.format
    if name != "json":
        _note_export(request, choice, name, len(shown))
        file = f"{choice.version.key}-{choice.version.version}.{name}"
        return Response(
            as_csv(shown) if name == "csv" else as_parquet(shown),
            headers={"ETag": tag, "Content-Disposition": f'attachment; filename="{file}"'},
        )
    answer = {
        "metric": choice.version.key,
        "version": choice.version.version,
        "definition_sha256": choice.version.definition_sha256,
        "scope_kind": choice.version.definition["catalogue"]["scope"],
        "filled_until": around.freshness.filled_until,
        "results": shown,
        "not_served": [{"scope": each.ref, "status": status} for each, status in choice.withheld],
    }
    return Response(answer, headers={"ETag": tag})


def read_values(
    request: Request, choice: Choice, wanted: Mapping[str, Any], now: dt.datetime
) -> tuple[list[ShownValue], Surroundings]:
    """The values of a choice as this reader may see them, with what they have in common.

    Args:
        wanted: any of `from`, `to`, `as_of` and `compare`, checked.

    Raises:
        Problem: 400, they are more than an answer holds.
    """
    as_of = wanted.get("as_of")
    values = values_of(
        choice.version,
        viewer=request.user,
        scope_ids=set(choice.standings),
        first=wanted.get("from"),
        last=wanted.get("to"),
        as_of=as_of,
    )
    if len(values) > MOST_VALUES:
        raise invalid(
            {
                "from": [
                    FieldProblem(
                        "too_many",
                        f"These are {len(values):,} values, more than {MOST_VALUES:,} at once. Ask "
                        "for fewer days (from, to) or one scope.",
                    )
                ]
            }
        )
    add_people(choice.standings.values())
    bound = choice.version.definition["catalogue"]["coverage_bound_nano"]
    return values, Surroundings(
        version=choice.version,
        standings=choice.standings,
        scopes=choice.scopes,
        freshness=freshness_of(choice.version, now=now),
        guardrails=guardrails_of(choice.version, values, viewer=request.user),
        changes=with_previous(values, bound_nano=bound) if "compare" in wanted else {},
        is_now=as_of is None,
    )


def _note_export(request: Request, choice: Choice, name: str, count: int) -> None:
    """Who took which figures out of the house."""
    record_event(
        operation=AuditOperation.NOTED,
        table="metric export",
        key=f"{choice.version.key} {choice.version.version}",
        facts={
            "format": name,
            "values": count,
            "query": request.META.get("QUERY_STRING", "")[:500],
        },
    )
