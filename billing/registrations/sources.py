"""Where costs come from."""

from __future__ import annotations

from operator import itemgetter

from billing.services.charge_store import ChargeStore
from billing.services.cost_store import CostStore
from billing.sources.anthropic import client as anthropic
from billing.sources.anthropic.config import AnthropicConfig
from billing.sources.anthropic.source import AnthropicSource
from billing.sources.config import CostConfig
from billing.sources.focus.source import FocusSource
from billing.sources.openai import client as openai
from billing.sources.openai.config import OpenAIConfig
from billing.sources.openai.source import OpenAISource
from portal.choices import ImportKind
from portal.credentials.needs import CredentialNeed
from portal.imports.contracts import FetchSpec
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
        key="anthropic",
        label="Anthropic",
        kind=ImportKind.COSTS,
        source=AnthropicSource(),
        make_store=CostStore,
        config_model=AnthropicConfig,
        accept=".json,.jsonl,.gz",
        summary="Cost, usage or Claude Code report of the organisation, as the API answered.",
        collect=collect_files,
        credential=CredentialNeed(
            label="Admin or analytics key",
            help="For the reports of the Console an Admin key (sk-ant-admin…), for those of Claude "
            "Enterprise an analytics key with read:analytics.",
            address_fields=("base_url",),
        ),
        fetch=FetchSpec(
            origin=itemgetter("base_url"),
            headers=anthropic.headers,
            fetch=anthropic.fetch,
            probe=anthropic.probe,
            reread_days=3,
            weekly_days=35,
            varies=anthropic.varies,
        ),
    )
)

import_sources.register(
    ImportSource(
        key="openai",
        label="OpenAI",
        kind=ImportKind.COSTS,
        source=OpenAISource(),
        make_store=CostStore,
        config_model=OpenAIConfig,
        accept=".json,.jsonl,.gz",
        summary="Costs and usage of the organisation, as the API answered.",
        collect=collect_files,
        credential=CredentialNeed(
            label="Admin key",
            help="Made by an owner of the organisation; keys of projects may not read costs.",
            address_fields=("base_url",),
        ),
        fetch=FetchSpec(
            origin=itemgetter("base_url"),
            headers=openai.headers,
            fetch=openai.fetch,
            probe=openai.probe,
            reread_days=10,
            weekly_days=35,
            month_days=(3, 10),
        ),
    )
)
