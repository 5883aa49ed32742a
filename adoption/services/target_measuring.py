"""Holding adoption targets against what was measured: by the same rules as milestones."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, field
from zoneinfo import ZoneInfo

import structlog
from django.db import transaction

from adoption.choices import STAGES_THAT_NEED_A_REASON, MilestoneEventKind, MilestoneState
from adoption.metrics.registry import Measured, metrics
from adoption.metrics.scoped import measure_scopes
from adoption.models import AdoptionTarget, TargetEvent
from adoption.services.milestone_rules import NOT_MEASURED, UNKNOWN_METRIC, Standing, decide
from adoption.services.promise_notices import AT_RISK, tell_target
from adoption.services.promise_standing import (
    look_back,
    outlook_of,
    promise_of,
    save_standings,
    write_standing,
)
from adoption.services.target_wording import target_text
from portal.shell.formats import date_text
from portal.shell.periods import day_of

logger = structlog.get_logger(__name__)


@dataclass(slots=True)
class MeasuredTargets:
    """What one measuring did: changed rows, log lines, what is newly at risk."""

    looked_at: list[int] = field(default_factory=list)
    changed: list[AdoptionTarget] = field(default_factory=list)
    events: list[TargetEvent] = field(default_factory=list)
    at_risk: list[AdoptionTarget] = field(default_factory=list)


def measure_targets(*, at: dt.datetime) -> MeasuredTargets:
    """Measure every target that is not withdrawn, and tell people what is missed or at risk.

    Each metric is asked once for each kind of scope. Repeating it changes nothing and tells nobody
    anything twice.

    Args:
        at: now (aware).
    """
    found = MeasuredTargets()
    with transaction.atomic():
        rows = list(
            AdoptionTarget.objects.select_for_update(of=("self",))
            .filter(withdrawn_at__isnull=True)
            .select_related(
                "programme", "team", "use_case", "created_by", "milestone__use_case__owner"
            )
            .order_by("pk")
        )
        groups: dict[tuple[str, str], list[AdoptionTarget]] = {}
        for row in rows:
            groups.setdefault((row.metric_key, row.scope_kind), []).append(row)
        for (metric_key, scope_kind), members in sorted(groups.items()):
            _measure_group(metric_key, scope_kind, members, at, found)
        AdoptionTarget.objects.filter(pk__in=found.looked_at).update(measured_at=at)
        save_standings(found.changed)
        TargetEvent.objects.bulk_create(found.events)
        _tell(found, at)
    if found.events:
        logger.info("targets_measured", events=len(found.events))
    return found


def _measure_group(
    metric_key: str,
    scope_kind: str,
    rows: Sequence[AdoptionTarget],
    at: dt.datetime,
    found: MeasuredTargets,
) -> None:
    values: dict[int, Measured] = {}
    supported: set[int] = set()
    waiting: set[int] = set()
    metric = metrics.get(metric_key) if metric_key in metrics else None
    if metric is not None:
        scopes = sorted({row.scope_id for row in rows})
        values = measure_scopes(metric, scope_kind, scopes, at)
        supported, waiting = look_back(
            metric,
            lambda ids, moment: measure_scopes(metric, scope_kind, ids, moment),
            rows,
            values,
            scope_of=lambda row: row.scope_id,
        )
    reason = NOT_MEASURED if metric is not None else UNKNOWN_METRIC
    for row in rows:
        if row.pk in waiting:
            continue
        value = values.get(row.scope_id) or Measured(None, at, reason)
        zone = ZoneInfo(row.programme.time_zone)
        standing = decide(
            promise_of(row), value, at=at, zone=zone, still_supported=row.pk in supported
        )
        event = _event_for(row, standing, at=at, zone=zone)
        had_risk = row.risk
        ahead = outlook_of(row, standing, metric, value, at=at, zone=zone)
        if write_standing(
            row, standing, ahead, today=day_of(at, zone), is_running=_is_running(row)
        ):
            found.changed.append(row)
        if event is not None:
            found.events.append(event)
        if row.risk and not had_risk:
            found.at_risk.append(row)
        found.looked_at.append(row.pk)


def _is_running(row: AdoptionTarget) -> bool:
    return row.milestone.use_case.stage not in STAGES_THAT_NEED_A_REASON


def _event_for(
    row: AdoptionTarget, standing: Standing, *, at: dt.datetime, zone: ZoneInfo
) -> TargetEvent | None:
    """The log line for a target that goes from where it stands to `standing`."""
    was_reached = row.state == MilestoneState.REACHED
    kind: MilestoneEventKind | None = None
    note = target_text(row)
    if was_reached and standing.state != MilestoneState.REACHED:
        kind = MilestoneEventKind.RESTATED
        day = date_text(day_of(row.reached_at, zone)) if row.reached_at else "an unknown day"
        note = f"It was reached on {day}; the facts no longer say so. {note}"
    elif standing.state == MilestoneState.REACHED and not was_reached:
        kind = MilestoneEventKind.REACHED
        if standing.reached_at is not None:
            note = f"On {date_text(day_of(standing.reached_at, zone))}. {note}"
    elif standing.state == MilestoneState.MISSED and row.state != MilestoneState.MISSED:
        kind = MilestoneEventKind.MISSED
    if kind is None:
        return None
    return TargetEvent(target=row, kind=kind, due_on=row.due_on, note=note, happened_at=at)


def _tell(found: MeasuredTargets, at: dt.datetime) -> None:
    for event in found.events:
        if _is_running(event.target):
            tell_target(event.target, event.kind, note=event.note, at=at)
    for row in found.at_risk:
        tell_target(row, AT_RISK, note="", at=at)
