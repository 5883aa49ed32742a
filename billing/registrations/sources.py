"""Where costs come from."""

from __future__ import annotations

from operator import itemgetter

from billing.services.collecting import collect_reports, collect_sessions
from billing.services.control_totals import ControlledStore
from billing.services.cost_store import CostStore
from billing.services.exchange_rates import RateStore, days_of_rates
from billing.services.export_store import ExportStore
from billing.services.invoice_store import InvoiceStore, months_of_invoices
from billing.services.price_context import all_plans, plans_of_kiro
from billing.services.principals import erase_principals
from billing.services.seat_store import SeatStore
from billing.services.stream_store import StreamStore
from billing.sources.anthropic import client as anthropic
from billing.sources.anthropic.config import AnthropicConfig
from billing.sources.anthropic.source import AnthropicSource
from billing.sources.aws.client import FETCH as AWS_FETCH
from billing.sources.aws.config import AwsConfig
from billing.sources.aws.deliveries import collect_export
from billing.sources.aws.source import AwsSource
from billing.sources.cursor import client as cursor
from billing.sources.cursor.config import CursorConfig
from billing.sources.cursor.source import CursorSource
from billing.sources.focus.client import FETCH as FOCUS_FETCH
from billing.sources.focus.config import FocusConfig
from billing.sources.focus.same_lines import same_lines
from billing.sources.focus.source import FocusSource
from billing.sources.github_copilot import client as github_copilot
from billing.sources.github_copilot.config import CopilotConfig
from billing.sources.github_copilot.source import CopilotSource
from billing.sources.invoices.rates import RatesSource
from billing.sources.invoices.source import InvoicesSource
from billing.sources.kiro.client import FETCH as KIRO_FETCH
from billing.sources.kiro.config import KiroConfig
from billing.sources.kiro.source import KiroSource
from billing.sources.litellm import client as litellm
from billing.sources.litellm.config import LiteLLMConfig
from billing.sources.litellm.source import LiteLLMSource
from billing.sources.openai import client as openai
from billing.sources.openai import owners as openai_owners
from billing.sources.openai.config import OpenAIConfig
from billing.sources.openai.source import OpenAISource
from billing.sources.openclaw.config import OpenClawConfig
from billing.sources.openclaw.source import OpenClawSource
from billing.sources.openrouter import client as openrouter
from billing.sources.openrouter.config import OpenRouterConfig
from billing.sources.openrouter.source import OpenRouterSource
from billing.sources.otel.config import OtelConfig
from billing.sources.otel.source import OtelSource
from billing.sources.seats.config import SeatsConfig
from billing.sources.seats.source import SeatsSource
from portal.choices import ImportKind
from portal.credentials.needs import CredentialNeed
from portal.imports.contracts import FetchSpec
from portal.imports.files import collect_files
from portal.imports.registry import (
    ImportSource,
    NameEraser,
    NoConfig,
    import_sources,
    name_erasers,
)

import_sources.register(
    ImportSource(
        key="focus",
        label="FOCUS cost and usage",
        kind=ImportKind.COSTS,
        source=FocusSource(),
        make_store=ExportStore,
        config_model=FocusConfig,
        accept=".csv,.gz,.parquet",
        summary="A FOCUS 1.0 to 1.4 cost and usage file as CSV, gzip'd CSV or Parquet.",
        collect=collect_files,
        credential=CredentialNeed(
            label="Access key",
            help="Only where a bucket is named: access key id and secret access key of a user who "
            "may list it and read its objects (s3:ListBucket, s3:GetObject), with a colon between "
            "them.",
            address_fields=("endpoint", "region", "bucket"),
        ),
        fetch_files=FOCUS_FETCH,
        is_same_content=same_lines,
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
        names_people=True,
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
            varies=openai_owners.varies,
        ),
        names_people=True,
    )
)

import_sources.register(
    ImportSource(
        key="aws",
        label="AWS Data Exports",
        kind=ImportKind.COSTS,
        source=AwsSource(FocusSource()),
        make_store=ExportStore,
        config_model=AwsConfig,
        accept=".csv,.gz,.parquet,.json",
        summary="A manifest of AWS Data Exports and every file that it names: CUR 2.0 or FOCUS.",
        collect=collect_export,
        credential=CredentialNeed(
            label="Access key",
            help="Access key id and secret access key of an IAM user who may list the bucket and "
            "read the export's objects (s3:ListBucket, s3:GetObject), with a colon between them.",
            address_fields=("endpoint", "region", "bucket"),
        ),
        fetch_files=AWS_FETCH,
        names_people=True,
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
        names_people=True,
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
        names_people=True,
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
        names_people=True,
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
        names_people=True,
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
        credential=CredentialNeed(
            label="Access key",
            help="Access key id and secret access key of an IAM user who may list the bucket and "
            "read the reports (s3:ListBucket, s3:GetObject, and kms:Decrypt where the bucket has "
            "a key of its own), with a colon between them.",
            address_fields=("endpoint", "region", "bucket"),
        ),
        fetch_files=KIRO_FETCH,
        make_context=plans_of_kiro,
        names_people=True,
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
        names_people=True,
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
        names_people=True,
    )
)

import_sources.register(
    ImportSource(
        key="invoices",
        label="Invoices",
        kind=ImportKind.COSTS,
        source=InvoicesSource(),
        make_store=InvoiceStore,
        make_context=months_of_invoices,
        config_model=NoConfig,
        accept=".csv,.pdf,.png,.jpg,.jpeg,.xml",
        summary="Payable amounts as a CSV of ours: issuer, number, month, currency, total; with "
        "documents beside it.",
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
        make_context=days_of_rates,
        collect=collect_files,
    )
)

name_erasers.register(NameEraser("billing.principals", erase_principals))
