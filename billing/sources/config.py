"""Configuration that every cost connection has."""

from __future__ import annotations

from datetime import date
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator


class CostConfig(BaseModel):
    """Bounds and basis of a cost connection."""

    model_config = ConfigDict(extra="forbid")

    cost_basis: Literal["invoiced", "metered", "estimated", "derived"] = Field(
        default="invoiced",
        description="What the amounts are: stated on every figure, never mixed in a sum.",
    )
    hold_jump_percent: int = Field(
        default=50,
        ge=0,
        le=10_000,
        title="Hold a jump above, in per cent",
        description="When days that were imported before change by a larger share of their billed "
        "sum, the run waits for a person.",
    )
    hold_jump_floor: int = Field(
        default=100,
        ge=0,
        title="But let pass up to",
        description="Whole units of the currency. A smaller change is never held.",
    )


class FetchedCostConfig(CostConfig):
    """What every connection that is fetched from a provider has besides."""

    fetch_from: str = Field(
        default="",
        max_length=10,
        title="Fetch from",
        description="The first day wanted (UTC), such as 2026-01-01. Empty: 90 days before the "
        "connection was made.",
    )
    organization: str = Field(
        default="",
        max_length=120,
        title="Organisation",
        description="Its id at the provider. It is the billing account of every line, and tells "
        "two organisations apart.",
    )

    @field_validator("fetch_from")
    @classmethod
    def _is_a_day(cls, text: str) -> str:
        if text:
            date.fromisoformat(text)
        return text


class BucketConfig(CostConfig):
    """What every connection has besides whose files may be fetched from an object store.

    Nothing of it is required: without a bucket, people bring the files.
    """

    bucket: str = Field(default="", max_length=63, description="The bucket that holds the files.")
    prefix: str = Field(
        default="", max_length=500, description="The path inside the bucket above the files."
    )
    region: str = Field(default="us-east-1", max_length=40, description="The bucket's region.")
    endpoint: str = Field(
        default="",
        max_length=200,
        title="Address of the object store",
        description="Empty for Amazon S3; else an S3-compatible store, such as "
        "https://objects.example.com.",
    )

    @field_validator("prefix")
    @classmethod
    def _tidy_prefix(cls, value: str) -> str:
        if ".." in value.split("/"):
            raise ValueError("a prefix without ..")
        return value.strip("/")

    @property
    def origin(self) -> str:
        """Scheme and host of the object store."""
        return self.endpoint.rstrip("/") or f"https://s3.{self.region}.amazonaws.com"
