"""Configuration of a Cursor connection."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from billing.sources.config import FetchedCostConfig


class CursorConfig(FetchedCostConfig):
    """Which team, its billing cycle, and how far the control total may be off."""

    cost_basis: Literal["invoiced", "metered", "estimated", "derived"] = Field(
        default="metered",
        description="What the amounts are: stated on every figure, never mixed in a sum.",
    )
    organization: str = Field(
        default="",
        max_length=120,
        title="Team",
        description="Stands for the billing account, because Cursor's answers do not name it.",
    )
    cycle_start: str = Field(
        default="",
        pattern=r"^(\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{1,3})?Z)?$",
        title="Start of a billing cycle",
        description="Any start, such as 2026-09-17T08:30:00Z. Needed only for uploads without the "
        "answer of /teams/spend, which says it.",
    )
    included_usage: Literal["effective", "list"] = Field(
        default="effective",
        title="Usage included in the plan is",
        description="effective: its value is effective cost. list: only list cost; choose this "
        "when the price of the seats is imported too, because the two would count twice.",
    )
    control_percent: int = Field(
        default=2,
        ge=0,
        le=100,
        title="Control total may be off by, in per cent",
        description="Beyond it the run waits for a person.",
    )
    control_floor: int = Field(
        default=20,
        ge=0,
        title="But let pass up to",
        description="Whole US dollars. Cursor adds up hourly, so a little is always on its way.",
    )
    base_url: str = Field(
        default="https://api.cursor.com",
        pattern=r"^https?://[^\s/]+/?$",
        title="API address",
        description="Leave it as it is.",
    )
