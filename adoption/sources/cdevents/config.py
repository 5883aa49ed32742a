"""Configuration of a CDEvents connection."""

from __future__ import annotations

from pydantic import Field

from adoption.deploys.config import DeployConfig


class CDEventsConfig(DeployConfig):
    """What a connection of source `cdevents` says about its events."""

    default_repository: str = Field(
        default="",
        max_length=200,
        description="Repository of services whose events name none; empty: a repository with the "
        "service's own name.",
    )
