"""Where costs come from."""

from __future__ import annotations

from billing.services.charge_store import ChargeStore
from billing.services.export_store import ExportStore
from billing.sources.aws.client import FETCH
from billing.sources.aws.config import AwsConfig
from billing.sources.aws.deliveries import collect_export
from billing.sources.aws.source import AwsSource
from billing.sources.focus.config import FocusConfig
from billing.sources.focus.source import FocusSource
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
        config_model=FocusConfig,
        accept=".csv,.gz,.parquet",
        summary="A FOCUS 1.0 to 1.4 cost and usage file as CSV, gzip'd CSV or Parquet.",
        collect=collect_files,
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
        fetch_files=FETCH,
    )
)
