"""Configuration of a git connection."""

from __future__ import annotations

import re

from pydantic import BaseModel, ConfigDict, Field, field_validator


class GitConfig(BaseModel):
    """What a connection of source `git` says about its repository.

    Attributes:
        repository: key of the repository; the connection's slug when empty.
        url: web address of the repository; commits are linked below it.
        tags_are_production: each tag is a deployment anyway; this says that it is one to
            production. It is never assumed.
        production_tag_pattern: with it, only tags that match as a whole are production.
        first_release_delivers: the first tag is the first release and delivers what it contains.
            Switch it off for a service that ran before its first tag; see docs/sources/git.md.
    """

    model_config = ConfigDict(extra="forbid")

    repository: str = Field(default="", max_length=200)
    url: str = Field(default="", max_length=300, pattern=r"^(https?://\S+)?$")
    tags_are_production: bool = False
    production_tag_pattern: str = Field(default="", max_length=200)
    first_release_delivers: bool = True

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
