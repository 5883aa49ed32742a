"""Quantities of a report, and how they are brought to the store without a source."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from billing.services.usage_store import UsageStore
from billing.sources.records import UsageRecord
from billing.sources.usage_rows import UsageRow, usage_record
from portal.choices import RunTrigger
from portal.imports.registry import Plan
from portal.models import Connection, ImportFile, ImportRun
from tests.imports import START

DAY = dt.timedelta(days=1)


def quantity(day: int = 1, tokens: str = "5", **changes: Any) -> UsageRecord:
    start = dt.datetime(2026, 9, day, tzinfo=dt.UTC)
    values: dict[str, Any] = {
        "file_index": 0,
        "line": 1,
        "dataset": "acme.usage",
        "period": (start, start + DAY),
        "billing_account_id": "org-1",
        "provider": "Acme",
        "service_name": "Acme API",
        "model": "acme-1",
    }
    metric, unit = changes.pop("metric", "tokens.output"), changes.pop("unit", "tokens")
    return usage_record(UsageRow(**values | changes), metric, unit, Decimal(tokens))


def make_run(connection: Connection, **fields: Any) -> ImportRun:
    run = ImportRun.objects.create(
        connection=connection, trigger=RunTrigger.COMMAND, requested_at=START, **fields
    )
    ImportFile.objects.create(run=run, index=0, name="usage.jsonl", sha256="0" * 64, size=1)
    return run


def bring(
    connection: Connection, taken: Sequence[UsageRecord], *, minute: int = 0, **fields: Any
) -> Plan:
    run = make_run(connection, **fields)
    store = UsageStore(run)
    store.open()
    store.stage(taken)
    plan = store.plan()
    store.apply(plan, at=START + dt.timedelta(minutes=minute))
    store.close()
    return plan
