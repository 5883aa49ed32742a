"""The store of an import run that brings changes and deployments: files and polls."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db import transaction

from adoption.services.deploy_store import (
    CREATED,
    UNCHANGED,
    UPDATED,
    DeployStore,
    ask_for_placement,
)
from portal.imports.registry import Plan
from portal.models import ImportRun


class _UndoError(Exception):
    """Ends the rehearsal of a plan."""


class DeployImportStore:
    """See `portal.imports.registry.Store`. Nothing is ever deleted: what a poll does not bring may
    lie outside its window."""

    def __init__(self, run: ImportRun) -> None:
        self.run = run
        self.records: list[Any] = []

    def open(self) -> None:
        """Nothing to prepare: limits of the source bound how much there can be."""

    def close(self) -> None:
        self.records.clear()

    def stage(self, records: Sequence[Any]) -> int:
        self.records += records
        return len(records)

    def plan(self) -> Plan:
        """What applying would do, found by doing it and taking it back: how statements meet depends
        on each other, and a count worked out another way would be another truth."""
        counts: Counter[str] = Counter()
        try:
            with transaction.atomic():
                counts.update(each.outcome for each in self._store(self.run.requested_at))
                raise _UndoError
        except _UndoError:
            pass
        plan = Plan(counts[CREATED], counts[UPDATED], counts[UNCHANGED])
        plan.facts["read"] = dict(Counter(type(record).__name__ for record in self.records))
        return plan

    def _store(self, at: datetime) -> list[Any]:
        store = DeployStore(self.run.connection, at=at, run=self.run)
        return [store.store(record) for record in self.records]

    def apply(self, plan: Plan, *, at: datetime) -> None:
        stored = self._store(at)
        ask_for_placement(
            repository_ids=[each.repository_id for each in stored],
            actor=self.run.requested_by,
            at=at,
        )
