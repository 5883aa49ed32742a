"""What one metric value is made of: frozen facts, calculated again, and every restatement."""

from __future__ import annotations

import json
from typing import Any, ClassVar

from django.http import Http404
from django.utils import timezone
from rest_framework import serializers
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request

from adoption.api.metric_choice import (
    announce_end,
    choose,
)
from adoption.api.metric_shapes import (
    MetricValueSerializer,
    Surroundings,
    present_value,
)
from adoption.metrics.registry import computed_versions, metrics
from adoption.models import MetricVersion
from adoption.policies import may_see_registry
from adoption.selectors.metric_guardrails import guardrails_of
from adoption.selectors.metric_scopes import scopes_of
from adoption.selectors.metric_standings import add_people, freshness_of
from adoption.selectors.metric_values import (
    ShownValue,
    facts_of,
    history_of,
    shown_facts,
    value_or_none,
)
from portal.api.errors import NOT_APPROVED
from portal.api.etags import content_tag
from portal.api.schema import operation, path_id
from portal.api.views import ApiView, NoFilters, conditional, read_query
from portal.shell.money import nano_text

TAG = "Metrics"


class DataVersionSerializer(serializers.Serializer[Any]):
    """One earlier or later state of the same value."""

    id = serializers.IntegerField()
    data_version = serializers.IntegerField()
    value = serializers.CharField(allow_null=True)
    reason = serializers.CharField(allow_null=True)
    data_status = serializers.CharField()
    known_from = serializers.DateTimeField()
    known_until = serializers.DateTimeField(allow_null=True)


class ExplainedValueSerializer(MetricValueSerializer):
    """A value, the facts it is calculated from, and every state that it had."""

    formula = serializers.CharField()
    facts = serializers.DictField(
        allow_null=True,
        help_text="Frozen inputs; contributors only as `enough`. Null where a part of them is "
        "about few people.",
    )
    recalculated = serializers.BooleanField(
        allow_null=True,
        help_text="Whether the facts give this value again now; null when its code is gone.",
    )
    history = DataVersionSerializer(many=True)


class ExplainValueView(ApiView):
    """What one value is made of."""

    scopes: ClassVar[dict[str, str]] = {"GET": "metrics:read"}

    @operation(
        "metric_value_explain",
        "Explain a metric value",
        tag=TAG,
        description="Its frozen facts, calculated again, and every restatement; approved only.",
        answer=ExplainedValueSerializer,
        parameters=[path_id("value_id", "Of the value.")],
        found_by_path=True,
        problems=[NOT_APPROVED],
    )
    def get(self, request: Request, value_id: int) -> Any:
        if not may_see_registry(request.user):
            raise PermissionDenied
        read_query(request, NoFilters, paged=False)
        found = value_or_none(value_id, viewer=request.user)
        if found is None:
            raise Http404
        version, value = found
        scopes = scopes_of(value.scope_kind, [value.scope_id])
        scope = scopes.get(value.scope_id)
        if scope is None:
            raise Http404
        choice = choose([version], scope, request.user, version.key)
        add_people(choice.standings.values())
        now = timezone.now()
        around = Surroundings(
            version=version,
            standings=choice.standings,
            scopes=scopes,
            freshness=freshness_of(version, now=now),
            guardrails=guardrails_of(version, [value], viewer=request.user),
            changes={},
            is_now=value.superseded_at is None,
        )
        facts = facts_of([value]).get(value.id)
        shown = present_value(request, value, around) | {
            "formula": version.definition["formula"],
            "facts": None if facts is None else shown_facts(version, facts, viewer=request.user),
            "recalculated": None if facts is None else _recalculates(version, value, facts),
            "history": [
                _present_state(each) for each in history_of(version, value, viewer=request.user)
            ],
        }
        response = conditional(request, content_tag(request, shown), lambda: shown)
        announce_end(response, choice)
        return response


def _recalculates(version: MetricVersion, value: ShownValue, facts: str) -> bool | None:
    """Whether the registered code gives the value again from its facts."""
    known = computed_versions(metrics.get(version.key)) if version.key in metrics else ()
    metric = next((each for each in known if each.version == version.version), None)
    if metric is None or metric.windowed is None:
        return None
    read = json.loads(facts)
    if not read:
        return value.nano is None
    return metric.windowed.calculate(read).nano == value.nano


def _present_state(value: ShownValue) -> dict[str, Any]:
    return {
        "id": value.id,
        "data_version": value.data_version,
        "value": None if value.nano is None else nano_text(value.nano),
        "reason": value.reason or None,
        "data_status": value.status,
        "known_from": value.computed_at,
        "known_until": value.superseded_at,
    }
