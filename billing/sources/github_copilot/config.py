"""Configuration of a GitHub Copilot connection."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from billing.sources.config import FetchedCostConfig


class CopilotConfig(FetchedCostConfig):
    """Which account is billed, and what its answers stand for."""

    cost_basis: Literal["invoiced", "metered", "estimated", "derived"] = Field(
        default="metered",
        description="What the amounts are: stated on every figure, never mixed in a sum.",
    )
    account_kind: Literal["organization", "enterprise"] = Field(
        default="organization",
        title="Billed account is",
        description="An organisation that belongs to an enterprise is billed with it: choose "
        "enterprise then.",
    )
    organization: str = Field(
        default="",
        max_length=100,
        pattern=r"^[A-Za-z0-9_-]*$",
        title="Organisation or enterprise",
        description="Its name in the URL. Needed for fetching; it is the billing account of every "
        "line.",
    )
    takes_month_totals: bool = Field(
        default=False,
        title="Take totals of a month",
        description="For saved answers of the billing API that name no day. Such a connection "
        "takes nothing else, because the days of the same month would count twice.",
    )
    fetch_metrics: bool = Field(
        default=False,
        title="Fetch usage metrics",
        description="The report of the whole organisation or enterprise for each day; never one of "
        "users. The token needs manage_billing:copilot or read:enterprise too.",
    )
    report_hosts: str = Field(
        default="",
        max_length=500,
        title="Hosts of reports",
        description="Only for GitHub with data residency: hosts to which its links to reports may "
        "lead, with a comma between them. GitHub's published ones need not be named.",
    )
    base_url: str = Field(
        default="https://api.github.com",
        pattern=r"^https?://[^\s/]+/?$",
        title="API address",
        description="Only for GitHub with data residency.",
    )
