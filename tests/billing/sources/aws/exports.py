"""Small exports as AWS lays them out, written for these tests."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterable, Mapping
from pathlib import Path

from tests.billing.sources.focus.focus_files import csv_bytes

PAYER = "123456789012"
EXPORT = "cur-hourly"
CUR_ROW = {
    "bill_billing_period_start_date": "2026-09-01T00:00:00Z",
    "bill_payer_account_id": PAYER,
    "bill_billing_entity": "AWS",
    "bill_invoice_id": "",
    "line_item_usage_account_id": "210987654321",
    "line_item_usage_account_name": "claims-prod",
    "line_item_line_item_type": "Usage",
    "line_item_usage_start_date": "2026-09-01T10:00:00Z",
    "line_item_usage_end_date": "2026-09-01T11:00:00Z",
    "line_item_product_code": "AmazonBedrock",
    "line_item_usage_type": "USE1-ExampleLarge-input-tokens",
    "line_item_operation": "InvokeModelInference",
    "line_item_resource_id": "",
    "line_item_usage_amount": "120.5",
    "line_item_currency_code": "USD",
    "line_item_unblended_cost": "0.3615",
    "line_item_net_unblended_cost": "",
    "line_item_line_item_description": "$0.003 per 1K input tokens",
    "line_item_iam_principal": "",
    "pricing_unit": "1K tokens",
    "pricing_public_on_demand_cost": "0.3615",
    "reservation_reservation_a_r_n": "",
    "reservation_effective_cost": "",
    "reservation_unused_amortized_upfront_fee_for_billing_period": "",
    "reservation_unused_recurring_fee": "",
    "savings_plan_savings_plan_a_r_n": "",
    "savings_plan_savings_plan_effective_cost": "",
    "savings_plan_total_commitment_to_date": "",
    "savings_plan_used_commitment": "",
    "product": '{"product_name": "Amazon Bedrock"}',
    "product_region_code": "us-east-1",
    "resource_tags": "{}",
    "cost_category": "{}",
    "discount": "{}",
    "tags": "{}",
}


def cur(day: int = 1, cost: str = "0.3615", **changes: str) -> dict[str, str]:
    """One CUR row of an hour of September 2026."""
    return {
        **CUR_ROW,
        "line_item_usage_start_date": f"2026-09-{day:02}T10:00:00Z",
        "line_item_usage_end_date": f"2026-09-{day:02}T11:00:00Z",
        "line_item_unblended_cost": cost,
        **changes,
    }


def packed(rows: Iterable[Mapping[str, str]]) -> bytes:
    """Rows as AWS delivers them, without a time in the gzip header."""
    return gzip.compress(csv_bytes(rows), mtime=0)


def data_key(period: str, number: int = 1, *, execution: str = "") -> str:
    folder = f"{execution}/" if execution else ""
    return f"billing/{EXPORT}/data/BILLING_PERIOD={period}/{folder}{EXPORT}-{number:05}.csv.gz"


def manifest_key(period: str, *, execution: str = "") -> str:
    folder = f"{execution}/" if execution else ""
    return f"billing/{EXPORT}/metadata/BILLING_PERIOD={period}/{folder}{EXPORT}-Manifest.json"


def manifest(keys: Iterable[str], *, execution: str = "e-1") -> bytes:
    return json.dumps(
        {
            "executionId": execution,
            "exportArn": f"arn:aws:bcm-data-exports:us-east-1:{PAYER}:export/{EXPORT}-1",
            "columns": [],
            "dataFiles": [f"s3://bills/{key}" for key in keys],
        }
    ).encode()


def export_objects(
    *files: Iterable[Mapping[str, str]] | bytes, period: str = "2026-09", execution: str = ""
) -> dict[str, bytes]:
    """One billing period as objects of a bucket: key → bytes. `execution` is the folder of an
    export that keeps earlier deliveries."""
    objects = {
        data_key(period, number, execution=execution): (
            file if isinstance(file, bytes) else packed(file)
        )
        for number, file in enumerate(files, 1)
    }
    key = manifest_key(period, execution=execution)
    return {**objects, key: manifest(list(objects), execution=execution or "e-1")}


def write_objects(folder: Path, objects: Mapping[str, bytes]) -> Path:
    """A copy of the bucket below a folder."""
    for key, content in objects.items():
        path = folder / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return folder
