"""Where costs come from."""

from __future__ import annotations

from billing.services.charge_store import ChargeStore
from billing.sources.config import CostConfig
from billing.sources.focus.source import FocusSource
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
