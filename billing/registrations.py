"""What billing registers with the portal. Imported once, by `BillingConfig.ready()`."""

from __future__ import annotations

from billing.demo import steps as demo
from billing.services.charge_store import ChargeStore
from billing.sources.config import CostConfig
from billing.sources.focus.source import FocusSource
from portal.api.routers import register_api
from portal.choices import ImportKind
from portal.demo import DemoStep, demo_steps
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

register_api("billing.api.urls")

demo_steps.register(DemoStep("billing.rules", 60, demo.build_rules))
demo_steps.register(DemoStep("billing.bills", 70, demo.build_bills))
demo_steps.register(DemoStep("billing.real_bill", 80, demo.build_real_bill))
