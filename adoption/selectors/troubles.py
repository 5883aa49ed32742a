"""What went wrong with the deployments that first brought changes to production.

Only what is said: a deployment that names the one it repairs, an incident that names the deployment
or the change that caused it. The deployment before an incident is only the nearest one.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from adoption.choices import Remediation
from adoption.delivery_states import Trouble, TroubleKind
from adoption.models import Change, Deployment, Incident

_AT_ONCE = 500


def troubles_of(changes: Iterable[Change]) -> Mapping[int, tuple[Trouble, ...]]:
    """By change, oldest first; two queries for each 500 changes that were delivered.

    An incident on which nobody had to act is no trouble; where the sender does not say, somebody
    had to. A deployment that was rolled back is not here: the change says when it left production.
    """
    delivered = [change for change in changes if change.delivered_by_id is not None]
    found: dict[int, tuple[Trouble, ...]] = {}
    for start in range(0, len(delivered), _AT_ONCE):
        part = delivered[start : start + _AT_ONCE]
        deployments = _deployments(part)
        blamed = _blamed({row["service__key"] for row in deployments.values()})
        for change in part:
            row = deployments[change.delivered_by_id]
            known = {*_repairs(row), *_incidents(change, row, blamed)}
            if known:
                found[change.pk] = tuple(sorted(known, key=_order))
    return found


def _order(trouble: Trouble) -> tuple[datetime, bool, str]:
    return trouble.since, trouble.until is None, trouble.kind


def _deployments(changes: Iterable[Change]) -> dict[int | None, Mapping[str, Any]]:
    ids = {change.delivered_by_id for change in changes if change.delivered_by_id is not None}
    rows = Deployment.objects.filter(pk__in=ids).values(
        "pk", "version", "external_id", "sha", "service__key", "remediation",
        "remediated_by__finished_at",
    )  # fmt: skip
    found: dict[int | None, Mapping[str, Any]] = {}
    for row in rows:
        found[row["pk"]] = row
    return found


def _repairs(row: Mapping[str, Any]) -> list[Trouble]:
    """The deployment was repaired by a later one; from when on it failed nobody said."""
    at = row["remediated_by__finished_at"]
    if row["remediation"] != Remediation.ROLLFORWARD or at is None:
        return []
    return [Trouble(at, at, TroubleKind.REPAIR)]


def _blamed(services: Iterable[str]) -> dict[tuple[str, str], set[Trouble]]:
    """By service and by what the sender says caused it: incidents on which somebody had to act."""
    found: dict[tuple[str, str], set[Trouble]] = defaultdict(set)
    rows = Incident.objects.filter(service_key__in=list(services), opened_at__isnull=False).exclude(
        human_actioned=False
    )
    for service, deployment, change, opened, resolved in rows.exclude(
        caused_by_deployment="", caused_by_change=""
    ).values_list(
        "service_key", "caused_by_deployment", "caused_by_change", "opened_at", "resolved_at"
    ):
        if opened is not None:
            for name in filter(None, (deployment, change)):
                found[service, name].add(Trouble(opened, resolved, TroubleKind.INCIDENT))
    return found


def _incidents(
    change: Change, row: Mapping[str, Any], blamed: Mapping[tuple[str, str], set[Trouble]]
) -> set[Trouble]:
    names = {row["version"], row["external_id"], row["sha"], change.external_id, change.sha} - {""}
    return {each for name in names for each in blamed.get((row["service__key"], name), ())}
