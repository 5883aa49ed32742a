"""The store of sources that bring cost lines and quantities in one run."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from billing.services.charge_store import ChargeStore
from billing.services.usage_store import UsageStore, is_usage
from portal.imports.registry import Plan
from portal.models import ImportRun


class CostStore:
    """Sends each record where it belongs; one plan, one transaction, one ledger for both."""

    def __init__(self, run: ImportRun) -> None:
        self._charges = ChargeStore(run)
        self._usage = UsageStore(run)
        self._plans: tuple[Plan, Plan] | None = None

    def open(self) -> None:
        self._charges.open()
        self._usage.open()

    def close(self) -> None:
        self._charges.close()
        self._usage.close()

    def stage(self, records: Sequence[Any]) -> int:
        quantities: list[Any] = []
        charges: list[Any] = []
        for record in records:
            (quantities if is_usage(record) else charges).append(record)
        return self._charges.stage(charges) + self._usage.stage(quantities)

    def plan(self) -> Plan:
        charges, usage = self._charges.plan(), self._usage.plan()
        self._plans = charges, usage
        newer = [plan.overtaken_by for plan in (charges, usage) if plan.overtaken_by is not None]
        facts = {**charges.facts, **usage.facts}
        return Plan(
            inserted=charges.inserted + usage.inserted,
            updated=charges.updated + usage.updated,
            unchanged=charges.unchanged + usage.unchanged,
            superseded=charges.superseded + usage.superseded,
            totals_in=charges.totals_in,
            totals_stored=charges.totals_stored,
            facts=facts,
            hold_reasons=[*charges.hold_reasons, *usage.hold_reasons],
            notes=[*charges.notes, *usage.notes],
            overtaken_by=max(newer, default=None),
        )

    def apply(self, plan: Plan, *, at: datetime) -> None:
        if self._plans is None:
            raise TypeError("a run is planned before it is applied")
        charges, usage = self._plans
        self._charges.apply(charges, at=at)
        self._usage.apply(usage, at=at)
        plan.facts = {**plan.facts, **charges.facts, **usage.facts}
