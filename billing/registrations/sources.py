"""Where costs come from."""

from __future__ import annotations

from billing.services.charge_store import ChargeStore
from billing.services.collecting import collect_reports, collect_sessions
from billing.services.cost_store import CostStore
from billing.services.price_context import all_plans, plans_of_kiro
from billing.services.seat_store import SeatStore
from billing.services.stream_store import StreamStore
from billing.sources.config import CostConfig
from billing.sources.focus.source import FocusSource
from billing.sources.kiro.config import KiroConfig
from billing.sources.kiro.source import KiroSource
from billing.sources.openclaw.config import OpenClawConfig
from billing.sources.openclaw.source import OpenClawSource
from billing.sources.otel.config import OtelConfig
from billing.sources.otel.source import OtelSource
from billing.sources.seats.config import SeatsConfig
from billing.sources.seats.source import SeatsSource
from portal.choices import ImportKind
from portal.imports.files import collect_files
from portal.imports.registry import ImportSource, import_sources

import_sources.register(
    ImportSource(
        key="focus",
        label="FOCUS cost and usage",
        kind=ImportKind.COSTS,
        source=FocusSource(),
        make_store=ChargeStore,
        config_model=CostConfig,
        accept=".csv,.gz,.parquet",
        summary="A FOCUS 1.0 to 1.3 cost and usage file as CSV, gzip'd CSV or Parquet.",
        collect=collect_files,
    )
)

import_sources.register(
    ImportSource(
        key="seats",
        label="Seats and subscriptions",
        kind=ImportKind.COSTS,
        source=SeatsSource(),
        make_store=SeatStore,
        config_model=SeatsConfig,
        accept=".csv,.gz,.pdf,.png,.jpg,.jpeg,.xml,.zip",
        summary="A CSV file with a row for each plan and period, with invoices beside it.",
        collect=collect_files,
        make_context=all_plans,
    )
)

import_sources.register(
    ImportSource(
        key="kiro",
        label="Kiro and Amazon Q activity",
        kind=ImportKind.COSTS,
        source=KiroSource(),
        make_store=CostStore,
        config_model=KiroConfig,
        accept=".csv,.gz",
        summary="Reports of user activity of Kiro or Amazon Q Developer, as CSV.",
        collect=collect_reports,
        make_context=plans_of_kiro,
    )
)

import_sources.register(
    ImportSource(
        key="openclaw",
        label="OpenClaw sessions",
        kind=ImportKind.COSTS,
        source=OpenClawSource(),
        make_store=StreamStore,
        config_model=OpenClawConfig,
        accept=".jsonl,.gz",
        summary="All session files (.jsonl) of the days to import.",
        collect=collect_sessions,
    )
)

import_sources.register(
    ImportSource(
        key="otel",
        label="Claude Code telemetry",
        kind=ImportKind.COSTS,
        source=OtelSource(),
        make_store=StreamStore,
        config_model=OtelConfig,
        accept=".json,.jsonl,.gz",
        summary="OTLP in JSON, as a collector's file exporter writes it: whole days.",
        collect=collect_files,
    )
)
