"""How a metric value reads in the API: never a number without what it means."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rest_framework import serializers
from rest_framework.request import Request

from adoption.choices import ScopeKind, StandingStatus, ValueStatus
from adoption.metrics.registry import UNITS
from adoption.models import MetricStanding, MetricVersion
from adoption.selectors.metric_guardrails import Guardrail
from adoption.selectors.metric_scopes import Scope
from adoption.selectors.metric_standings import MAX_AGE, Freshness
from adoption.selectors.metric_values import Comparison, ShownValue
from portal.api.views import address
from portal.shell.money import nano_text

_PERCENT = 10_000_000  # nano-units


class WindowSerializer(serializers.Serializer[Any]):
    """Days of the window."""

    to = serializers.DateField(help_text="Exclusive.")
    zone = serializers.CharField(help_text="IANA zone in which its days are cut.")

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        # `from` is a word of the language and cannot be declared above.
        found: dict[str, serializers.Field[Any, Any, Any, Any]] = super().get_fields()
        return {"from": serializers.DateField(), **found}


class IntervalSerializer(serializers.Serializer[Any]):
    """An interval around a value; an open end is null."""

    level = serializers.CharField(help_text="Such as 0.95.")
    low = serializers.CharField(allow_null=True)
    high = serializers.CharField(allow_null=True)
    method = serializers.CharField()


class GuardrailSerializer(serializers.Serializer[Any]):
    """Whether what must not get worse did, against the window before."""

    metric = serializers.CharField()
    version = serializers.CharField(allow_null=True)
    state = serializers.ChoiceField(
        ["ok", "worse", "unknown", "not_approved", "other_grain"],
        help_text="`other_grain`: computed for another kind of scope or window; look there.",
    )


class FreshnessSerializer(serializers.Serializer[Any]):
    """Up to when the inputs were looked at."""

    data_as_of = serializers.DateTimeField()
    max_age_hours = serializers.IntegerField()
    stale = serializers.BooleanField()


class ChangeSerializer(serializers.Serializer[Any]):
    """The difference to the window before, or why it would mean nothing."""

    value_id = serializers.IntegerField(help_text="The value it is compared with.")
    value = serializers.CharField(allow_null=True)
    reason = serializers.CharField(
        allow_null=True, help_text="`unlike_coverage`, `unlike_money`, or why a value is missing."
    )


class MetricValueSerializer(serializers.Serializer[Any]):
    """One value with everything that it must say. Amounts are exact decimals as text."""

    id = serializers.IntegerField(help_text="For `/explain/{id}/`.")
    metric = serializers.CharField()
    version = serializers.CharField()
    definition_sha256 = serializers.CharField()
    status = serializers.ChoiceField(
        StandingStatus.choices, help_text="How far the metric is trusted in this scope."
    )
    owner = serializers.CharField(help_text="Who answers for it.")
    approved_by = serializers.CharField(help_text="The second person.")
    approved_as = serializers.CharField(help_text="The role by which.")
    approved_at = serializers.DateTimeField()
    approved_until = serializers.DateTimeField()
    certified_by = serializers.CharField(allow_null=True)
    certified_until = serializers.DateTimeField(allow_null=True)
    seen_by_approver = serializers.BooleanField(
        help_text="Whether this very value was before the approver; newer windows are not."
    )
    unit = serializers.ChoiceField(sorted(UNITS))
    currency = serializers.CharField(allow_null=True)
    basis = serializers.CharField(allow_null=True)
    grain = serializers.CharField(help_text="Such as `use_case x month`.")
    scope = serializers.CharField(help_text="Such as `use_case:answer-drafts`.")
    scope_name = serializers.CharField()
    window = WindowSerializer()
    value = serializers.CharField(allow_null=True, help_text="Null when unknown, never 0 for it.")
    reason = serializers.CharField(allow_null=True, help_text="Why it is null: a stable code.")
    missing = serializers.CharField(allow_null=True, help_text="What the installation lacks.")
    interval = IntervalSerializer(allow_null=True)
    n = serializers.IntegerField(allow_null=True)
    guardrails = GuardrailSerializer(many=True)
    freshness = FreshnessSerializer()
    completeness = serializers.CharField(allow_null=True, help_text="Share of inputs there were.")
    unknown_share = serializers.CharField(allow_null=True)
    suppressed = serializers.BooleanField()
    suppression_reason = serializers.CharField(allow_null=True)
    data_status = serializers.ChoiceField(ValueStatus.choices)
    data_version = serializers.IntegerField(help_text="Rises with each restatement.")
    data_snapshot = serializers.CharField(
        allow_null=True, help_text="SHA-256 of the frozen facts it is calculated from."
    )
    computed_at = serializers.DateTimeField()
    change = ChangeSerializer(allow_null=True, help_text="With `compare=previous`.")
    warnings = serializers.ListField(child=serializers.CharField())
    lineage = serializers.ListField(child=serializers.URLField())


class NotServedSerializer(serializers.Serializer[Any]):
    """A scope whose values are not answered, and where the metric stands there."""

    scope = serializers.CharField()
    status = serializers.ChoiceField(StandingStatus.choices)


class MetricValuesSerializer(serializers.Serializer[Any]):
    """Values of one version of a metric, by window and scope."""

    metric = serializers.CharField()
    version = serializers.CharField()
    definition_sha256 = serializers.CharField()
    scope_kind = serializers.ChoiceField(ScopeKind.choices)
    filled_until = serializers.DateField(allow_null=True)
    results = MetricValueSerializer(many=True)
    not_served = NotServedSerializer(many=True)


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the values of one answer have in common."""

    version: MetricVersion
    standings: Mapping[int, MetricStanding]
    scopes: Mapping[int, Scope]
    freshness: Freshness
    guardrails: Mapping[int, Sequence[Guardrail]]
    changes: Mapping[int, Comparison]
    is_now: bool


def present_value(request: Request, value: ShownValue, around: Surroundings) -> dict[str, Any]:
    """One value as answered. Its scope must have a standing that is served."""
    version, standing = around.version, around.standings[value.scope_id]
    said, scope = version.definition, around.scopes.get(value.scope_id)
    return {
        "id": value.id,
        "metric": version.key,
        "version": version.version,
        "definition_sha256": version.definition_sha256,
        **_trust(standing, value),
        "unit": said["unit"],
        "currency": value.currency or None,
        "basis": value.basis or None,
        "grain": f"{said['catalogue']['scope']} x {said['catalogue']['window']}",
        "scope": scope.ref if scope else f"{value.scope_kind}:{value.scope_id}",
        "scope_name": scope.name if scope else "",
        "window": {
            "from": value.window.starts_on,
            "to": value.window.ends_on,
            "zone": value.window.zone,
        },
        "value": _text(value.nano),
        "reason": value.reason or None,
        "missing": value.missing or None,
        "interval": _interval(value),
        "n": value.n,
        "guardrails": [
            {"metric": each.metric, "version": each.version, "state": each.state}
            for each in around.guardrails.get(value.id, ())
        ],
        "freshness": _freshness(value, around),
        "completeness": _text(value.coverage_nano),
        "unknown_share": _text(value.unknown_share_nano),
        "suppressed": value.is_withheld,
        "suppression_reason": value.reason if value.is_withheld else None,
        "data_status": value.status,
        "data_version": value.data_version,
        "data_snapshot": value.facts_sha256 or None,
        "computed_at": value.computed_at,
        "change": _change(around.changes.get(value.id)),
        "warnings": _warnings(value, standing, around),
        "lineage": [address(request, "api-explain-value", value.id)],
    }


def _trust(standing: MetricStanding, value: ShownValue) -> dict[str, Any]:
    approval = standing.approval
    if approval is None or approval.closed_by is None or standing.valid_until is None:
        raise ValueError(f"standing {standing.pk} is served without an approval")
    name = approval.closed_by.get_full_name() or approval.closed_by.get_username()
    seen_until = standing.seen_until
    return {
        "status": standing.status,
        "owner": standing.owner.get_full_name() or standing.owner.get_username(),
        "approved_by": name,
        "approved_as": approval.approver_roles.strip("|").replace("|", ", "),
        "approved_at": approval.closed_at,
        "approved_until": standing.valid_until,
        "certified_by": name if standing.certified_until else None,
        "certified_until": standing.certified_until,
        "seen_by_approver": seen_until is not None and value.window.ends_on <= seen_until,
    }


def _text(nano: int | None) -> str | None:
    return None if nano is None else nano_text(nano)


def _interval(value: ShownValue) -> dict[str, Any] | None:
    if not value.interval_method:
        return None
    level = (value.interval_level_percent or 95) * _PERCENT
    return {
        "level": nano_text(level),
        "low": _text(value.low_nano),
        "high": _text(value.high_nano),
        "method": value.interval_method,
    }


def _freshness(value: ShownValue, around: Surroundings) -> dict[str, Any]:
    looked_at = around.freshness.data_as_of if around.is_now else None
    return {
        "data_as_of": max(value.data_as_of, looked_at or value.data_as_of),
        "max_age_hours": int(MAX_AGE / dt.timedelta(hours=1)),
        "stale": around.freshness.is_stale,
    }


def _change(found: Comparison | None) -> dict[str, Any] | None:
    if found is None:
        return None
    return {
        "value_id": found.earlier.id,
        "value": _text(found.nano),
        "reason": found.reason or None,
    }


def _warnings(value: ShownValue, standing: MetricStanding, around: Surroundings) -> list[str]:
    seen_until = standing.seen_until
    return [
        word
        for word, holds in (
            ("review_due", standing.status == StandingStatus.REVIEW_DUE),
            ("deprecated", standing.status == StandingStatus.DEPRECATED),
            ("stale", around.freshness.is_stale),
            ("not_seen_by_approver", seen_until is None or value.window.ends_on > seen_until),
            ("restated", value.status == ValueStatus.RESTATED),
            ("provisional", value.status == ValueStatus.PROVISIONAL),
        )
        if holds
    ]
