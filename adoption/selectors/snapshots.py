"""Reading snapshots."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from django.db.models import QuerySet

from adoption.metrics.contracts import Facts
from adoption.metrics.snapshot import signed_file
from adoption.models import Snapshot, SnapshotValue
from adoption.policies import may_see_registry
from portal.policies import AnyUser


def snapshots_visible_to(user: AnyUser) -> QuerySet[Snapshot]:
    """Every snapshot, newest first, without its document; none for those outside."""
    rows = Snapshot.objects.defer("document").order_by("-number")
    return rows if may_see_registry(user) else rows.none()


def snapshot_for_page(user: AnyUser, number: int) -> Snapshot | None:
    """One of them, with its document."""
    if not may_see_registry(user):
        return None
    return Snapshot.objects.filter(number=number).first()


def file_of(snapshot: Snapshot) -> bytes:
    """What is given to others, byte for byte."""
    return signed_file(snapshot.document, snapshot.sha256, snapshot.signature)


def values_of(snapshot: Snapshot) -> list[dict[str, Any]]:
    """The values of a snapshot as a table reads them."""
    document: dict[str, Any] = json.loads(snapshot.document)
    return [
        {
            "pk": position,
            "metric": value["metric"],
            "version": value["version"],
            "scope": value["scope"]["name"],
            "window": f"{value['window']['from']} to {value['window']['to']}",
            "value": value["value"],
            "reason": (value["reason"] or "").replace("_", " "),
            "unit": value["currency"] or value["unit"],
            "n": value["n"],
            "standing": value["standing"],
            "status": value["status"],
        }
        for position, value in enumerate(document["values"])
    ]


def facts_in_snapshot(sha256: str, positions: Sequence[int]) -> dict[int, Facts]:
    """Facts that a snapshot withholds, for calculating inside the house; by position."""
    rows = SnapshotValue.objects.filter(snapshot__sha256=sha256, position__in=positions)
    return {
        position: json.loads(facts)
        for position, facts in rows.values_list("position", "value__facts")
    }


def snapshots_with(value_id: int) -> list[int]:
    """Numbers of the snapshots that hold this stored value, newest first."""
    rows = SnapshotValue.objects.filter(value_id=value_id).order_by("-snapshot__number")
    return list(rows.values_list("snapshot__number", flat=True))
