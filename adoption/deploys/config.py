"""What every connection of a deploy source may say about its repositories and environments."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from adoption.deploys.tiers import TIERS
from adoption.evidence.declarations import DeclarationRules

_LINE = re.compile(r"\s*(?P<left>[^=]+?)\s*=\s*(?P<right>.+?)\s*")


def read_table(text: str) -> dict[str, str]:
    """`left = right` pairs, one a line or separated by semicolons.

    Raises:
        ValueError: a line is no such pair, or a left side stands there twice.
    """
    found: dict[str, str] = {}
    for line in re.split(r"[;\n]", text):
        if not line.strip():
            continue
        match = _LINE.fullmatch(line)
        if match is None:
            raise ValueError(f"{line.strip()!r} is not of the form name = value")
        if match["left"] in found:
            raise ValueError(f"{match['left']!r} stands there twice")
        found[match["left"]] = match["right"]
    return found


def _read_list(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in re.split(r"[;\n]", text) if part.strip())


class DeployConfig(BaseModel):
    """Configuration that all deploy sources share."""

    model_config = ConfigDict(extra="forbid")

    repositories: str = Field(
        default="",
        max_length=4000,
        description="Where a repository has another key here: `github.com/acme/billing = billing`, "
        "separated by semicolons. A Git import of the same repository then fills the same one.",
    )
    environments: str = Field(
        default="",
        max_length=4000,
        description="Tier of environments by exact name: `blue = production; qa-2 = testing`. "
        "Production is never assumed; see docs/sources/hooks.md.",
    )
    services: str = Field(
        default="",
        max_length=4000,
        description="Several services in one repository, with the paths that they are made of: "
        "`checkout = services/checkout/, libs/money/`. A change counts for those it touches.",
    )
    teams: str = Field(
        default="",
        max_length=4000,
        title="Teams to read",
        description="Teams or groups of the provider and the team here whose members they are: "
        "`acme/payments = Payments; acme/search = Search`. GitHub and GitLab only.",
    )
    first_deployment_delivers: bool = Field(
        default=False,
        description="The first production deployment of a service is its first release. Off: it "
        "is the baseline, and what it contains was there before.",
    )
    tokens: Literal["signature", "token"] = Field(
        default="signature",
        title="Proof of sender",
        description="Signature over the whole body where the sender can sign; a shared token in a "
        "header for senders that cannot.",
    )

    ai_labels: str = Field(
        default="",
        max_length=1000,
        title="Labels that say: AI helped",
        description="Whole names, separated by semicolons: `ai-assisted; ai`.",
    )
    human_labels: str = Field(
        default="", max_length=1000, title="Labels that say: no AI", description="Likewise."
    )
    ai_boxes: str = Field(
        default="",
        max_length=1000,
        title="Boxes that say: AI helped",
        description="How the text of a ticked box in the description begins, separated by "
        "semicolons. A box that is not ticked says nothing.",
    )
    human_boxes: str = Field(
        default="", max_length=1000, title="Boxes that say: no AI", description="Likewise."
    )
    hotfix_labels: str = Field(
        default="",
        max_length=1000,
        title="Labels that say: a hotfix",
        description="Whole names, separated by semicolons: `hotfix; incident-fix`. A deployment "
        "that brings only such requests repairs the one before it, which then failed; see "
        "docs/sources/hooks.md. Empty: only what a deployment or an incident says counts.",
    )

    @field_validator("repositories", "services", "teams")
    @classmethod
    def _is_table(cls, text: str) -> str:
        read_table(text)
        return text

    @field_validator("environments")
    @classmethod
    def _names_tiers(cls, text: str) -> str:
        for name, tier in read_table(text).items():
            if tier not in TIERS:
                raise ValueError(f"{name}: {tier!r} is none of {', '.join(TIERS)}")
        return text

    @property
    def tiers(self) -> Mapping[str, str]:
        """Environment name → tier."""
        return read_table(self.environments)

    @property
    def declaration_rules(self) -> DeclarationRules:
        """Which labels and boxes of a pull request declare something about AI."""
        return DeclarationRules(
            ai_labels=_read_list(self.ai_labels),
            human_labels=_read_list(self.human_labels),
            ai_boxes=_read_list(self.ai_boxes),
            human_boxes=_read_list(self.human_boxes),
        )

    @property
    def hotfixes(self) -> frozenset[str]:
        """Labels of a hotfix, in lower case."""
        return frozenset(label.lower() for label in _read_list(self.hotfix_labels))

    def repository(self, key: str) -> str:
        """The key under which a repository is kept here."""
        return read_table(self.repositories).get(key, key)[:200]

    @property
    def paths(self) -> Mapping[str, tuple[str, ...]]:
        """Service → path prefixes."""
        return {
            name: tuple(part.strip() for part in text.split(",") if part.strip())
            for name, text in read_table(self.services).items()
        }


class PipelineConfig(DeployConfig):
    """For sources in which a pipeline or job becomes a deployment by its name."""

    deploy_pattern: str = Field(
        default="",
        max_length=200,
        title="Names that are deployments",
        description="A regular expression, searched in the name of a workflow, pipeline or job. "
        "Empty: none is a deployment.",
    )
    deploy_environment: str = Field(
        default="",
        max_length=120,
        title="Their environment",
        description="Name of the environment they deploy to. Its group `environment` in the "
        "pattern above comes first.",
    )

    @field_validator("deploy_pattern")
    @classmethod
    def _compiles(cls, pattern: str) -> str:
        try:
            re.compile(pattern)
        except re.error as error:
            raise ValueError(f"not a regular expression: {error}") from error
        return pattern

    def environment_of(self, *names: str | None) -> str | None:
        """The environment that something of these names deploys to; None when it deploys nothing.

        Unknown stays `unknown`, which is no production.
        """
        if not self.deploy_pattern:
            return None
        for name in names:
            match = re.search(self.deploy_pattern, name or "")
            if match is not None:
                found = match.groupdict().get("environment")
                return found or self.deploy_environment or "unknown"
        return None
