"""Configuration of a GitLab connection."""

from __future__ import annotations

from pydantic import Field

from adoption.deploys.config import PipelineConfig


class GitLabConfig(PipelineConfig):
    """What a connection of source `gitlab` says about its projects."""

    base_url: str = Field(
        default="https://gitlab.com",
        max_length=300,
        pattern=r"^https?://\S+$",
        title="Address of the instance",
    )
    poll_projects: str = Field(
        default="",
        max_length=4000,
        title="Projects to poll",
        description="`group/project`, separated by blanks; polling heals hooks that were missed.",
    )
    releases_are_production: bool = Field(
        default=False,
        description="A release is a production deployment. It is never assumed.",
    )
