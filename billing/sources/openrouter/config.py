"""Configuration of an OpenRouter connection."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from billing.sources.config import FetchedCostConfig


class OpenRouterConfig(FetchedCostConfig):
    """Which account, and how it pays."""

    cost_basis: Literal["invoiced", "metered", "estimated", "derived"] = Field(
        default="metered",
        description="What the amounts are: stated on every figure, never mixed in a sum.",
    )
    organization: str = Field(
        default="",
        max_length=120,
        title="Account",
        description="Stands for the billing account, because answers do not name it.",
    )
    dataset: Literal["activity", "purchases"] = Field(
        default="activity",
        title="Takes",
        description="activity: what was used, by day. purchases: a CSV of the credits that were "
        "bought. Each needs a connection of its own.",
    )
    payment: Literal["prepaid", "invoiced"] = Field(
        default="prepaid",
        title="Usage is paid",
        description="prepaid: from credits, so usage bills nothing and the purchase is the cost "
        "line that bills. invoiced: afterwards, so usage is what is billed.",
    )
    control_percent: int = Field(
        default=2,
        ge=0,
        le=100,
        title="Control total may be off by, in per cent",
        description="Beyond it the run waits for a person.",
    )
    control_floor: int = Field(
        default=5, ge=0, title="But let pass up to", description="Whole US dollars."
    )
    base_url: str = Field(
        default="https://openrouter.ai",
        pattern=r"^https?://[^\s/]+/?$",
        title="API address",
        description="Leave it as it is.",
    )
