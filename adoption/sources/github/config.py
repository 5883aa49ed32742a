"""Configuration of a GitHub connection."""

from __future__ import annotations

from pydantic import Field

from adoption.deploys.config import PipelineConfig


class GitHubConfig(PipelineConfig):
    """What a connection of source `github` says about its repositories."""

    base_url: str = Field(
        default="https://api.github.com",
        max_length=300,
        pattern=r"^https?://\S+$",
        title="API address",
        description="For GitHub Enterprise Server: https://<host>/api/v3.",
    )
    poll_repositories: str = Field(
        default="",
        max_length=4000,
        title="Repositories to poll",
        description="`owner/name`, separated by blanks; polling heals hooks that were missed.",
    )
    releases_are_production: bool = Field(
        default=False,
        description="A published release that is no pre-release is a production deployment. "
        "It is never assumed.",
    )
