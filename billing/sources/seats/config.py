"""Configuration of a connection for subscriptions and licences."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from billing.sources.config import CostConfig


class SeatsConfig(CostConfig):
    """Where the amounts come from: price plans, or invoices."""

    cost_basis: Literal["derived", "invoiced"] = Field(
        default="derived",
        description="“Derived”: seats times a price. “Invoiced”: each row must state the amount of "
        "the invoice and its number, and nothing is multiplied.",
    )
