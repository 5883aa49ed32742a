"""Configuration of an AWS connection."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from billing.sources.config import BucketConfig


class AwsConfig(BucketConfig):
    """Where an export lies, which of its amounts count, and where attribution stands in it."""

    amounts: Literal["unblended", "net"] = Field(
        default="unblended",
        title="Amounts of a CUR",
        description="Net amounts have private discounts taken off line by line. Both sum to the "
        "invoice; a FOCUS export has one kind only.",
    )
    bucket: str = Field(default="", max_length=63, description="The bucket of the export.")
    prefix: str = Field(
        default="",
        max_length=500,
        title="Prefix and export name",
        description="The path inside the bucket above the folders data and metadata, such as "
        "billing/cur-hourly.",
    )
    cost_center_tag: str = Field(
        default="",
        max_length=200,
        title="Tag with the cost centre",
        description="Its key as the export has it, such as user_costcentre. Empty: a tag called "
        "cost center, with any prefix and spelling.",
    )
    repository_tag: str = Field(
        default="",
        max_length=200,
        title="Tag with the repository",
        description="Likewise. Empty: a tag called repository or repo.",
    )
