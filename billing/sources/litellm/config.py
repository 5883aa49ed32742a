"""Configuration of a LiteLLM connection."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, field_validator
from pydantic_core import PydanticCustomError

from billing.sources.config import FetchedCostConfig


class AskedProxy(FetchedCostConfig):
    """Which proxy is asked, and for which of its two views of the same spend."""

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


class LiteLLMConfig(AskedProxy):
    """What a connection may be set to. One that was made earlier may call its amounts invoiced; it
    is asked all the same, and its runs are refused with what to change."""

    cost_basis: Literal["estimated", "metered", "derived"] = Field(
        default="estimated",
        description="The proxy multiplies tokens by list prices; the bill comes from the provider, "
        "so it cannot be invoiced.",
    )

    @field_validator("cost_basis", mode="before")
    @classmethod
    def _is_no_bill(cls, basis: Any) -> Any:
        if basis == "invoiced":
            raise PydanticCustomError(
                "no_bill",
                "a LiteLLM proxy estimates, it sends no invoice: choose estimated; the bill comes "
                "from the provider behind it",
            )
        return basis
