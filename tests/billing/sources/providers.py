"""The providers that the fault tests run through the engine: a line each.

To plug in another: a `Shape` beside its tests, and a `Provided` here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.billing.sources.anthropic.shape import AnthropicShape
from tests.billing.sources.fake_provider import FakeProvider
from tests.billing.sources.numbered_pages import NumberedProvider
from tests.billing.sources.numbered_shapes import (
    KEY,
    copilot_shape,
    cursor_shape,
    litellm_shape,
    openrouter_shape,
)
from tests.billing.sources.openai.shape import OpenAIShape


@dataclass(frozen=True)
class Provided:
    """A source and how it is configured.

    Attributes:
        source: its key.
        make_shape: what the fake provider serves.
        secret: the credential; the shape says in which header it must come.
        path: of the address that is configured, below the host.
        config: further configuration.
        lies: faults of pages that nothing in this report can show, with the reason.
    """

    name: str
    source: str
    make_shape: Callable[[], Any]  # a Shape, or a NumberedShape
    secret: str
    path: str = ""
    config: Mapping[str, Any] = field(default_factory=dict)
    lies: Mapping[str, str] = field(default_factory=dict)
    provider: type[FakeProvider] = FakeProvider


ANTHROPIC_KEY = "sk-ant-admin01-test"
PROVIDERS = (
    Provided("anthropic-admin", "anthropic", AnthropicShape, ANTHROPIC_KEY),
    Provided(
        "anthropic-enterprise", "anthropic", AnthropicShape, ANTHROPIC_KEY,
        config={"report": "enterprise"},
    ),
    Provided(
        "anthropic-analytics", "anthropic", AnthropicShape, ANTHROPIC_KEY,
        config={"report": "analytics"},
    ),
    Provided(
        "anthropic-claude-code", "anthropic", AnthropicShape, ANTHROPIC_KEY,
        config={"report": "claude-code", "cost_basis": "estimated"},
        lies={"lost": "rows of a day have no total and no number to be counted by"},
    ),
    Provided(
        "openai-owners", "openai", lambda: OpenAIShape(owners=True), "sk-admin-test", path="/v1",
        config={"with_owners": True},
    ),
    Provided("openai", "openai", OpenAIShape, "sk-admin-test", path="/v1"),
    Provided("cursor", "cursor", cursor_shape, KEY, provider=NumberedProvider),
    Provided("litellm", "litellm", litellm_shape, KEY, provider=NumberedProvider),
    Provided(
        "openrouter", "openrouter", openrouter_shape, KEY, provider=NumberedProvider,
        config={"payment": "invoiced"},
        lies={
            "lost": "the rows of a day have no total, and their keys' month has a tolerance",
            "empty_day": "of an older month the keys no longer say what it came to",
        },
    ),
    Provided(
        "github-copilot", "github_copilot", copilot_shape, KEY, provider=NumberedProvider,
        config={"organization": "octo-org"},
        lies={
            "lost": "the answer of a day has no total and no number to be counted by",
            "empty_day": "a day that has not been there before may be one of nothing",
        },
    ),
)  # fmt: skip
# Those whose pages are a list that is cut, so that it can be packed in other ways.
CURSORED = tuple(each for each in PROVIDERS if each.provider is FakeProvider)
