"""Where costs come from."""

from __future__ import annotations

from operator import itemgetter

from billing.services.charge_store import ChargeStore
from billing.services.cost_store import CostStore
from billing.services.export_store import ExportStore
from billing.sources.anthropic import client as anthropic
from billing.sources.anthropic.config import AnthropicConfig
from billing.sources.anthropic.source import AnthropicSource
from billing.sources.aws.client import FETCH as AWS_FETCH
from billing.sources.aws.config import AwsConfig
from billing.sources.aws.deliveries import collect_export
from billing.sources.aws.source import AwsSource
from billing.sources.focus.config import FocusConfig
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
        config_model=FocusConfig,
        accept=".csv,.gz,.parquet",
        summary="A FOCUS 1.0 to 1.4 cost and usage file as CSV, gzip'd CSV or Parquet.",
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
    )
)
