"""Configuration that every cost connection has."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class CostConfig(BaseModel):
    """Bounds and basis of a cost connection.

    Attributes:
        cost_basis: what the amounts are; stated on every figure, never mixed in a sum.
        hold_jump_percent: a change of already imported days by more than this share of their
            billed sum waits for a person …
        hold_jump_floor: … unless it is at most this many whole units of the currency.
    """

    model_config = ConfigDict(extra="forbid")

    cost_basis: Literal["invoiced", "metered", "estimated", "derived"] = "invoiced"
    hold_jump_percent: int = Field(default=50, ge=0, le=10_000)
    hold_jump_floor: int = Field(default=100, ge=0)
