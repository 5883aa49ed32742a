"""What other systems are told about metrics: approved, restated, coverage dropped. Once a fact.

A restatement that ends an approval is told when the fill has looked at every window: one message a
scope, which names each window that was revised.
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from adoption.choices import SERVED_STATUSES, StandingStatus, ValueStatus
from adoption.metrics.fill import Step, Stored
from adoption.models import MetricStanding, MetricValue, MetricVersion
from adoption.selectors.metric_scopes import ALL, scopes_of
from adoption.selectors.metric_values import ShownValue, values_of
from adoption.services.metric_rechecks import RESTATED
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


def served_scopes(version: MetricVersion) -> set[int]:
    """Scopes in which a version is served; `ALL` among them stands for every one."""
    rows = MetricStanding.objects.filter(metric_version=version, status__in=SERVED_STATUSES)
    return set(rows.values_list("scope_id", flat=True))


def tell_of_written(
    version: MetricVersion, written: Sequence[Written], *, served: set[int], at: dt.datetime
) -> None:
    """Dropped coverage, and restated values where the version is served all the same.

    Called in the transaction of the fill, after approvals that no longer hold were suspended;
    `tell_of_voided` tells of those. Small groups stay withheld: what is told here is what anybody
    may see.

    Args:
        served: the scopes in which it was served until then.
    """
    told = [each for each in written if served & {ALL, each.row.scope_id}]
    if not told:
        return
    still = served_scopes(version)
    restated = {
        each.row.scope_id
        for each in told
        if each.step is Step.RESTATE and still & {ALL, each.row.scope_id}
    }
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
            old = earlier.get((value.scope_id, value.window.starts_on))
            event_id = _event_id(RESTATED_EVENT, value.id)
            _restated(version, [(old, value)], event_id=event_id, at=at)
        _coverage(version, now, value, at)


def tell_of_voided(version: MetricVersion, *, since: dt.datetime, at: dt.datetime) -> None:
    """Approvals that restated values have ended since the last fill that looked at every window.

    Called at the end of a fill, in the transaction that notes it: one that was killed on its way is
    told of by the next. The same approval is told of once, however often this is called.
    """
    ended = MetricStanding.objects.filter(
        metric_version=version,
        status=StandingStatus.SUSPENDED,
        status_reason=RESTATED,
        status_since__gt=since,
    )
    for standing in ended.order_by("pk"):
        _tell_of_ended(version, standing, at=at)


def _tell_of_ended(version: MetricVersion, standing: MetricStanding, *, at: dt.datetime) -> None:
    ended_at = standing.status_since
    wanted = None if standing.scope_id == ALL else [standing.scope_id]
    still = served_scopes(version)
    limits: dict[str, Any] = {"viewer": None, "scope_ids": wanted}
    revised: dict[int, list[ShownValue]] = defaultdict(list)
    for value in values_of(version, **limits):
        if value.status == ValueStatus.RESTATED and value.computed_at >= ended_at:
            revised[value.scope_id].append(value)
    before = {
        (each.scope_id, each.window): each
        for each in (values_of(version, as_of=ended_at - _MOMENT, **limits) if revised else ())
    }
    for scope_id, values in sorted(revised.items()):
        if not still & {ALL, scope_id}:  # told of already, window by window
            event_id = _event_id(RESTATED_EVENT, standing.pk, _moment(ended_at), scope_id)
            _restated(version, [(before.get((scope_id, each.window)), each) for each in values],
                      event_id=event_id, at=at)  # fmt: skip


def _restated(
    version: MetricVersion,
    revised: Sequence[tuple[ShownValue | None, ShownValue]],
    *,
    event_id: uuid.UUID,
    at: dt.datetime,
) -> None:
    """The oldest window at the top, as it always was, and all of them in `windows`."""
    windows = [
        _window(value) | {"old": _told(before), "new": _told(value)} for before, value in revised
    ]
    data = _about(version, revised[0][1]) | {
        "old": windows[0]["old"],
        "new": windows[0]["new"],
        "windows": windows,
        "reason": "inputs_restated",
    }
    publish(event=RESTATED_EVENT, event_id=event_id, data=data, at=at)


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
        **_window(value),
    }


def _window(value: ShownValue) -> dict[str, Any]:
    return {
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
