"""Configuration of a connection for Kiro's and Amazon Q's reports of activity."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from billing.sources.config import BucketConfig


class KiroConfig(BucketConfig):
    """Where the reports lie, which account they are of, and which price plans price its credits."""

    cost_basis: Literal["derived"] = Field(
        default="derived",
        description="The reports hold no money: credits beyond the plan times the plan's price.",
    )
    bucket: str = Field(
        default="",
        max_length=63,
        description="The bucket that the reports are written to. Where it is empty, people bring "
        "them.",
    )
    prefix: str = Field(
        default="",
        max_length=500,
        description="The path inside the bucket above the folder AWSLogs. A path that goes on "
        "below it, such as kiro/AWSLogs/123456789012/KiroLogs/user_report, is looked at alone.",
    )
    account: str = Field(
        default="",
        max_length=120,
        description="AWS account that pays. Where it is empty, it is read from the files' names "
        "or the bucket's folders.",
    )
    plan_provider: str = Field(
        default="Kiro",
        max_length=120,
        title="Provider of the price plans",
        description="Price plans are looked up under this provider.",
    )
    plan_key: str = Field(
        default="",
        max_length=120,
        title="One price plan for all",
        description="Key of the plan that prices every credit beyond the plan. Where it is empty, "
        "the subscription tier of the row is the key, for example PRO.",
    )
