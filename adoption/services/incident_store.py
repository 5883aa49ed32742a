"""Storing what is said about incidents, in any order, any number of times."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from adoption.deploys.merging import later_fields
from adoption.deploys.severities import (
    UNKNOWN,
    current_severity,
    downgraded,
    with_severity,
    worst_of,
)
from adoption.models import Incident
from adoption.sources.records import IncidentRecord
from portal.models import Connection, ImportRun

CREATED, UPDATED, UNCHANGED = "created", "updated", "unchanged"
_JUST_BEFORE = timedelta(microseconds=1)
_EARLIEST = ("opened_at", "acknowledged_at")
_STATE = (
    "service_key", "title", "url", "severity", "worst", "raw_severity", "downgraded_from",
    "severities", "human_actioned", "opened_at", "acknowledged_at", "resolved_at",
    "caused_by_deployment", "caused_by_change", "fixed_by_deployment", "stamps",
)  # fmt: skip


def store_incident(
    record: IncidentRecord, *, connection: Connection, run: ImportRun | None = None
) -> str:
    """Put one statement together with what is known; `created`, `updated` or `unchanged`.

    Call within a transaction.
    """
    row, is_new = Incident.objects.select_for_update().get_or_create(
        connection=connection, external_id=record.external_id
    )
    before = _state_of(row)
    _merge(row, record)
    if is_new or _state_of(row) != before:
        row.imported_by = run or row.imported_by
        row.save()
    return CREATED if is_new else UNCHANGED if _state_of(row) == before else UPDATED


def _merge(row: Incident, record: IncidentRecord) -> None:
    said: dict[str, Any] = {
        "service_key": record.service,
        "title": record.title,
        "url": record.url,
        "human_actioned": record.human_actioned,
        "resolved_at": record.resolved_at,
        "caused_by_deployment": record.caused_by_deployment,
        "caused_by_change": record.caused_by_change,
        "fixed_by_deployment": record.fixed_by_deployment,
    }
    taken, row.stamps = later_fields(row.stamps, said, record.observed_at)
    for name, value in taken.items():
        setattr(row, name, value)
    for name in _EARLIEST:  # the first time counts
        known, new = getattr(row, name), getattr(record, name)
        if new is not None and (known is None or new < known):
            setattr(row, name, new)
    _merge_severity(row, record, record.observed_at)


def _merge_severity(row: Incident, record: IncidentRecord, at: datetime) -> None:
    """A severity that the sender itself calls lowered counts as said just before the new one."""
    if record.downgraded_from:
        row.severities = with_severity(
            row.severities, at - _JUST_BEFORE, "downgraded from", record.downgraded_from
        )
    if record.severity:
        row.severities = with_severity(row.severities, at, record.raw_severity, record.severity)
    if row.severities:
        _, row.raw_severity, row.severity = current_severity(row.severities)
        row.worst = worst_of(severity for _, _, severity in row.severities)
        row.downgraded_from = "" if row.severity == UNKNOWN else downgraded(row.severity, row.worst)


def _state_of(row: Incident) -> tuple[Any, ...]:
    """Everything that a statement can change."""
    return tuple(getattr(row, name) for name in _STATE)
