"""What a connection to Anthropic can be told."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, ValidationInfo, field_validator

from billing.sources.config import FetchedCostConfig

ReportName = Literal["admin", "enterprise", "analytics", "claude-code"]


class AnthropicConfig(FetchedCostConfig):
    """One connection reads one report, and so has amounts of one basis."""

    cost_basis: Literal["metered", "invoiced", "estimated", "derived"] = Field(
        default="metered",
        description="Metered for what Anthropic's own ledger says, estimated for Claude Code "
        "analytics, which are list prices.",
    )
    report: ReportName = Field(
        default="admin",
        description="Admin: cost and usage report of the Console. Enterprise: analytics of Claude "
        "Enterprise. Analytics: the new report for both (beta). Claude-code: estimates of Claude "
        "Code. The same spend comes in several of them: have one connection count it.",
    )
    with_usage: bool = Field(
        default=True,
        title="Tokens and requests too",
        description="They explain cost. They are never counted as an outcome.",
    )
    with_names: bool = Field(
        default=True,
        title="Names of workspaces",
        description="Asks for the list of workspaces, so that lines have names (Console only).",
    )
    check_totals: bool = Field(
        default=True,
        title="Check sums against the total",
        description="Asks for each day's total as well and takes nothing when the lines do not "
        "add up to it.",
    )
    base_url: str = Field(
        default="https://api.anthropic.com", max_length=200, title="Address of the API"
    )

    @field_validator("report")
    @classmethod
    def _has_its_basis(cls, report: str, info: ValidationInfo) -> str:
        is_estimate = info.data.get("cost_basis") == "estimated"
        if is_estimate != (report == "claude-code"):
            raise ValueError(
                "claude-code brings estimates, so its cost basis is estimated"
                if report == "claude-code"
                else "this report is no estimate; choose the basis metered or invoiced"
            )
        return report
