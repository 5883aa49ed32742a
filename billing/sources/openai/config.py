"""What a connection to OpenAI can be told."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from billing.sources.config import FetchedCostConfig


class OpenAIConfig(FetchedCostConfig):
    """Costs of an organisation, and what they were spent on."""

    cost_basis: Literal["metered", "invoiced", "estimated", "derived"] = Field(
        default="metered",
        description="Metered: what OpenAI's ledger says day by day. It reconciles to the invoice, "
        "and is not the invoice.",
    )
    with_usage: bool = Field(
        default=True,
        title="Tokens and requests too",
        description="They explain cost. They are never counted as an outcome.",
    )
    with_names: bool = Field(
        default=True,
        title="Names of projects and keys",
        description="Asks for the lists of projects and of their keys, so that lines have names.",
    )
    with_owners: bool = Field(
        default=False,
        title="Owners of keys",
        description="Asks for the list of users as well, so that a single cost line can name whose "
        "key it was, by address. For rules about the team of a person; no sum is of a person.",
    )
    check_totals: bool = Field(
        default=True,
        title="Check sums against the total",
        description="Asks for each day's total as well and takes nothing when the lines do not "
        "add up to it.",
    )
    array_syntax: Literal["brackets", "repeated"] = Field(
        default="brackets",
        title="Lists in requests",
        description="How OpenAI is told what to break costs down by: group_by[]= (brackets) or "
        "group_by= (repeated). Its own tools do either.",
    )
    base_url: str = Field(
        default="https://api.openai.com/v1", max_length=200, title="Address of the API"
    )
