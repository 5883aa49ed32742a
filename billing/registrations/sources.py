"""Where costs come from."""

from __future__ import annotations

from billing.services.charge_store import ChargeStore
from billing.services.exchange_rates import RateStore
from billing.services.invoice_store import InvoiceStore
from billing.sources.config import CostConfig
from billing.sources.focus.source import FocusSource
from billing.sources.invoices.rates import RatesSource
from billing.sources.invoices.source import InvoicesSource
from portal.choices import ImportKind
from portal.imports.files import collect_files
from portal.imports.registry import ImportSource, NoConfig, import_sources

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
        key="invoices",
        label="Invoices",
        kind=ImportKind.COSTS,
        source=InvoicesSource(),
        make_store=InvoiceStore,
        config_model=NoConfig,
        accept=".csv",
        summary="Payable amounts as a CSV of ours: issuer, number, month, currency, total.",
        collect=collect_files,
    )
)
import_sources.register(
    ImportSource(
        key="exchange_rates",
        label="Exchange rates",
        kind=ImportKind.COSTS,
        source=RatesSource(),
        make_store=RateStore,
        config_model=NoConfig,
        accept=".csv",
        summary="Dated rates as a CSV of ours: day, base, quote, rate, source.",
        collect=collect_files,
    )
)
