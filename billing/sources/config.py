"""Configuration that every cost connection has."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


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
