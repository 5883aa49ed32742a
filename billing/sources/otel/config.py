"""Configuration of a connection for telemetry of coding agents."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from billing.sources.config import CostConfig


class OtelConfig(CostConfig):
    """Which of two descriptions of the same tokens is read, and which attributes are kept."""

    cost_basis: Literal["estimated"] = Field(
        default="estimated",
        description="The client reckons with list prices. It is no bill, and on a subscription "
        "nobody pays it.",
    )
    read: Literal["metrics", "events"] = Field(
        default="metrics",
        description="Metrics and events describe the same tokens; the other one is passed over.",
    )
    account: str = Field(
        default="claude-code",
        max_length=120,
        description="A name for whose telemetry this is, where it names no organisation.",
    )
    tag_keys: str = Field(
        default="team,use_case,cost_center",
        max_length=500,
        title="Attributes that are kept as tags",
        description="Resource attributes by name, with commas between. Every other attribute is "
        "dropped, so that none that names a person is stored.",
    )
