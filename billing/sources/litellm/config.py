"""Configuration of a LiteLLM connection."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from billing.sources.config import FetchedCostConfig


class LiteLLMConfig(FetchedCostConfig):
    """Which proxy, and which of its two views of the same spend."""

    cost_basis: Literal["invoiced", "metered", "estimated", "derived"] = Field(
        default="estimated",
        description="The proxy multiplies tokens by list prices; the bill comes from the provider.",
    )
    organization: str = Field(
        default="",
        max_length=120,
        title="Proxy",
        description="Stands for the billing account.",
    )
    dataset: Literal["spend_logs", "daily_activity"] = Field(
        default="spend_logs",
        title="Fetch",
        description="Spend logs have a line for each call, with team and tags. Daily activity has "
        "one for each day, model and key; choose it above some ten thousand calls a day. They are "
        "the same money, so a connection has one of them.",
    )
    base_url: str = Field(
        default="https://litellm.example.com",
        pattern=r"^https?://[^\s/]+/?$",
        title="Address of the proxy",
        description="Inside a private network it must be allowed by PLUMBLINE_PRIVATE_NETWORKS.",
    )
