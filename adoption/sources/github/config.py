"""Configuration of a GitHub connection."""

from __future__ import annotations

from typing import Literal
from urllib.parse import urlsplit

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
    poll_with: Literal["rest", "graphql"] = Field(
        default="rest",
        title="Poll with",
        description="`graphql` asks for requests with their commits, and deployments with their "
        "statuses, in a fraction of the calls. It does not say which environment is production: "
        "list them under environments, or let hooks say it.",
    )
    releases_are_production: bool = Field(
        default=False,
        description="A published release that is no pre-release is a production deployment. "
        "It is never assumed.",
    )

    @property
    def host(self) -> str:
        """The host in addresses of repositories."""
        host = urlsplit(self.base_url).hostname or ""
        return "github.com" if host == "api.github.com" else host

    @property
    def base_path(self) -> str:
        """What REST's paths begin with."""
        return urlsplit(self.base_url).path.rstrip("/")

    @property
    def graphql_path(self) -> str:
        """GitHub Enterprise Server has `/api/v3` for REST and `/api/graphql`."""
        return f"{self.base_path.removesuffix('/v3')}/graphql"
