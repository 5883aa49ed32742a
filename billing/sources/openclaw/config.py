"""Configuration of a connection for sessions of self-hosted agents."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from billing.sources.config import CostConfig


class OpenClawConfig(CostConfig):
    """Where the sessions ran."""

    cost_basis: Literal["estimated"] = Field(
        default="estimated",
        description="The agent reckons with list prices. It is no bill.",
    )
    account: str = Field(
        default="openclaw",
        max_length=120,
        description="A name for the host whose sessions these are, to tell hosts apart.",
    )
    repository_from_directory: bool = Field(
        default=False,
        title="Take the directory as the repository",
        description="The last part of the directory in which a session began. Only where "
        "sessions begin in checkouts: a home directory is named after a person.",
    )
