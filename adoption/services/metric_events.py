"""What other systems are told about metrics: approved, restated, coverage dropped. Once a fact."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from adoption.choices import SERVED_STATUSES
from adoption.metrics.fill import Step, Stored
from adoption.models import MetricStanding, MetricValue, MetricVersion
from adoption.selectors.metric_scopes import ALL, scopes_of
from adoption.selectors.metric_values import ShownValue, values_of
from portal.services.webhooks import publish
from portal.shell.money import nano_text

APPROVED_EVENT = "metric.approved"
RESTATED_EVENT = "metric.restated"
COVERAGE_EVENT = "coverage.dropped"
_NAMESPACE = uuid.UUID("7f3ad5e2-52b5-4d39-9f0c-5a3c0e1b6c11")
_MOMENT = dt.timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Written:
    """A row that a fill writes, why, and what it takes the place of."""

    row: MetricValue
    step: Step
    before: Stored | None


def _event_id(*parts: object) -> uuid.UUID:
    """The same fact has the same identifier, whoever tells of it and however often."""
    return uuid.uuid5(_NAMESPACE, "|".join(map(str, parts)))


def tell_of_approval(standing: MetricStanding, *, at: dt.datetime) -> None:
    """A version was approved or certified in a scope."""
    version = standing.metric_version
    data = {
        "metric": version.key,
        "version": version.version,
        "definition_sha256": version.definition_sha256,
        "scope": _ref(standing.scope_kind, standing.scope_id),
        "status": standing.status,
        "seen_until": standing.seen_until.isoformat() if standing.seen_until else None,
        "certified_until": _moment(standing.certified_until),
    }
    publish(
        event=APPROVED_EVENT,
        event_id=_event_id(APPROVED_EVENT, standing.approval_id),
        data=data,
        at=at,
    )


def tell_of_written(version: MetricVersion, written: Sequence[Written], *, at: dt.datetime) -> None:
    """Restated values and dropped coverage, of scopes in which the version is served.

    Called before an approval is suspended, in the transaction of the fill. Small groups stay
    withheld: what is told here is what anybody may see.
    """
    served = set(
        MetricStanding.objects.filter(
            metric_version=version, status__in=SERVED_STATUSES
        ).values_list("scope_id", flat=True)
    )
    told = [each for each in written if served & {ALL, each.row.scope_id}]
    if not told:
        return
    restated = {each.row.scope_id for each in told if each.step is Step.RESTATE}
    window = told[0].row
    first = window.window_starts_on - (window.window_ends_on - window.window_starts_on) * 2
    limits: dict[str, Any] = {"viewer": None, "first": first, "last": window.window_ends_on}
    scope_ids = [each.row.scope_id for each in told]
    now = values_of(version, scope_ids=scope_ids, **limits)
    before = values_of(version, scope_ids=scope_ids, as_of=at - _MOMENT, **limits)
    earlier = {(each.scope_id, each.window.starts_on): each for each in before}
    for value in now:
        if value.window.starts_on != window.window_starts_on:
            continue
        if value.scope_id in restated:
            _restated(version, earlier.get((value.scope_id, value.window.starts_on)), value, at)
        _coverage(version, now, value, at)


def _restated(
    version: MetricVersion, before: ShownValue | None, value: ShownValue, at: dt.datetime
) -> None:
    data = _about(version, value) | {
        "old": _told(before),
        "new": _told(value),
        "reason": "inputs_restated",
    }
    publish(event=RESTATED_EVENT, event_id=_event_id(RESTATED_EVENT, value.id), data=data, at=at)


def _coverage(
    version: MetricVersion, values: Iterable[ShownValue], value: ShownValue, at: dt.datetime
) -> None:
    """When the inputs of a window cover much less than those of the window before it."""
    before = next(
        (
            each
            for each in values
            if each.scope_id == value.scope_id and each.window.ends_on == value.window.starts_on
        ),
        None,
    )
    if before is None or before.coverage_nano is None or value.coverage_nano is None:
        return
    bound = int(version.definition["catalogue"]["coverage_bound_nano"])
    if before.coverage_nano - value.coverage_nano <= bound:
        return
    data = _about(version, value) | {
        "coverage": nano_text(value.coverage_nano),
        "previous_coverage": nano_text(before.coverage_nano),
    }
    publish(event=COVERAGE_EVENT, event_id=_event_id(COVERAGE_EVENT, value.id), data=data, at=at)


def _about(version: MetricVersion, value: ShownValue) -> dict[str, Any]:
    return {
        "metric": version.key,
        "version": version.version,
        "scope": _ref(value.scope_kind, value.scope_id),
        "from": value.window.starts_on.isoformat(),
        "to": value.window.ends_on.isoformat(),
        "zone": value.window.zone,
        "value_id": value.id,
        "data_version": value.data_version,
    }


def _told(value: ShownValue | None) -> dict[str, Any] | None:
    if value is None:
        return None
    return {
        "value": None if value.nano is None else nano_text(value.nano),
        "reason": value.reason or None,
        "currency": value.currency or None,
        "basis": value.basis or None,
        "data_version": value.data_version,
    }


def _ref(kind: str, pk: int) -> str:
    if pk == ALL:
        return kind
    scope = scopes_of(kind, [pk]).get(pk)
    return scope.ref if scope is not None else f"{kind}:{pk}"


def _moment(moment: dt.datetime | None) -> str | None:
    return moment.isoformat() if moment is not None else None
