"""Configuration of a git connection."""

from __future__ import annotations

import re

from pydantic import BaseModel, ConfigDict, Field, field_validator


class GitConfig(BaseModel):
    """What a connection of source `git` says about its repository."""

    model_config = ConfigDict(extra="forbid")

    repository: str = Field(
        default="",
        max_length=200,
        description="Key of the repository; the connection's short name when empty.",
    )
    url: str = Field(
        default="",
        max_length=300,
        pattern=r"^(https?://\S+)?$",
        title="Web address",
        description="Of the repository; commits are linked below it.",
    )
    tags_are_production: bool = Field(
        default=False,
        description="Each tag is a deployment; this says that it is one to production. "
        "It is never assumed.",
    )
    production_tag_pattern: str = Field(
        default="",
        max_length=200,
        description="A regular expression. With it, only tags that match as a whole are "
        "production.",
    )
    first_release_delivers: bool = Field(
        default=True,
        description="The first tag is the first release and delivers what it contains. Switch it "
        "off for a service that ran before its first tag; see docs/sources/git.md.",
    )

    @field_validator("production_tag_pattern")
    @classmethod
    def _compiles(cls, pattern: str) -> str:
        try:
            re.compile(pattern)
        except re.error as error:
            raise ValueError(f"not a regular expression: {error}") from error
        return pattern

    def is_production(self, tag: str) -> bool:
        """Whether a tag is a deployment to production."""
        if not self.tags_are_production:
            return False
        return not self.production_tag_pattern or bool(
            re.fullmatch(self.production_tag_pattern, tag)
        )
