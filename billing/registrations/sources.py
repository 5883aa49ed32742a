"""Where costs come from."""

from __future__ import annotations

from billing.services.charge_store import ChargeStore
from billing.services.control_totals import ControlledStore
from billing.services.cost_store import CostStore
from billing.sources.config import CostConfig
from billing.sources.cursor import client as cursor
from billing.sources.cursor.config import CursorConfig
from billing.sources.cursor.source import CursorSource
from billing.sources.focus.source import FocusSource
from billing.sources.github_copilot import client as github_copilot
from billing.sources.github_copilot.config import CopilotConfig
from billing.sources.github_copilot.source import CopilotSource
from billing.sources.litellm import client as litellm
from billing.sources.litellm.config import LiteLLMConfig
from billing.sources.litellm.source import LiteLLMSource
from billing.sources.openrouter import client as openrouter
from billing.sources.openrouter.config import OpenRouterConfig
from billing.sources.openrouter.source import OpenRouterSource
from portal.choices import ImportKind
from portal.credentials.needs import CredentialNeed
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
        key="github_copilot",
        label="GitHub Copilot",
        kind=ImportKind.COSTS,
        source=CopilotSource(),
        make_store=CostStore,
        config_model=CopilotConfig,
        accept=".csv,.json,.jsonl,.ndjson,.gz",
        summary="GitHub's billing report of AI credits as CSV, or answers of its API: billing by "
        "day, seats, usage metrics.",
        collect=collect_files,
        credential=CredentialNeed(
            "GitHub token",
            "For an organisation: a fine-grained token that may read its administration. For an "
            "enterprise: a classic token with manage_billing:enterprise and "
            "manage_billing:copilot.",
            ("base_url",),
        ),
        fetch=github_copilot.FETCH,
    )
)
import_sources.register(
    ImportSource(
        key="cursor",
        label="Cursor",
        kind=ImportKind.COSTS,
        source=CursorSource(),
        make_store=ControlledStore,
        config_model=CursorConfig,
        accept=".json,.jsonl,.gz",
        summary="Answers of Cursor's Admin API: usage events, and the spend of the cycle.",
        collect=collect_files,
        credential=CredentialNeed(
            "Admin API key",
            "Made by an administrator of the team in Cursor's dashboard.",
            ("base_url",),
        ),
        fetch=cursor.FETCH,
    )
)
import_sources.register(
    ImportSource(
        key="litellm",
        label="LiteLLM proxy",
        kind=ImportKind.COSTS,
        source=LiteLLMSource(),
        make_store=CostStore,
        config_model=LiteLLMConfig,
        accept=".json,.jsonl,.gz",
        summary="Spend logs or daily activity of a LiteLLM proxy: its own estimates.",
        collect=collect_files,
        credential=CredentialNeed(
            "Proxy key",
            "The proxy's master key, or a key that may read spend routes.",
            ("base_url",),
        ),
        fetch=litellm.FETCH,
    )
)
import_sources.register(
    ImportSource(
        key="openrouter",
        label="OpenRouter",
        kind=ImportKind.COSTS,
        source=OpenRouterSource(),
        make_store=ControlledStore,
        config_model=OpenRouterConfig,
        accept=".json,.jsonl,.csv,.gz",
        summary="OpenRouter's activity by day or, in a connection of their own, purchases of "
        "credits as CSV.",
        collect=collect_files,
        credential=CredentialNeed(
            "Management key",
            "Made on OpenRouter's page of management keys. An ordinary key cannot read activity.",
            ("base_url",),
        ),
        fetch=openrouter.FETCH,
    )
)
