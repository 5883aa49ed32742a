"""The rules that recognise AI assistance on a commit, as data.

Each rule names one sign that a tool leaves behind. Patterns are matched case-insensitively:
trailer and body rules against each single line of the message, identity rules against
`Name <address>` of author and committer. Whole addresses are matched, never the name of a vendor
alone: people called Devin and people who work at Anthropic exist.

Raise a rule's `version` when its pattern or strength changes, and `RULES_VERSION` with every
change here; stored evidence keeps both, so that it can be classified again.

Every pattern takes time linear in the length of the line: no two open-ended repeats stand side
by side over the same characters.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Literal

Channel = Literal["commit_trailer", "commit_body", "commit_identity", "git_note"]
Strength = Literal["autonomous", "assisted", "suggestion", "declared", "inferred"]

RULES_VERSION = "1"

# Strongest first. `inferred` comes from seats and activity, so no rule about commits yields it.
STRENGTHS: tuple[Strength, ...] = ("autonomous", "assisted", "suggestion", "declared", "inferred")


@dataclass(frozen=True, slots=True)
class EvidenceRule:
    """One sign of AI assistance.

    Attributes:
        key: stable name of the rule.
        version: raised when pattern or strength changes.
        agent: the tool; `declared` when a person says so in words of their own.
        channel: where the sign stands.
        strength: how much it says.
        pattern: regular expression, case-insensitive. The groups `session`, `model` and `value`
            (free text of a declaration) are read when they are there.
        needle: lower-case text without which the pattern cannot match; spares most of the work.
    """

    key: str
    version: int
    agent: str
    channel: Channel
    strength: Strength
    pattern: str
    needle: str
    regex: re.Pattern[str] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "regex", re.compile(self.pattern, re.IGNORECASE))


def _trailer(
    key: str, agent: str, strength: Strength, pattern: str, needle: str = "co-authored-by:"
) -> EvidenceRule:
    return EvidenceRule(key, 1, agent, "commit_trailer", strength, r"^\s*" + pattern, needle)


def _body(key: str, agent: str, pattern: str, needle: str) -> EvidenceRule:
    return EvidenceRule(key, 1, agent, "commit_body", "assisted", pattern, needle)


def _identity(
    key: str, agent: str, pattern: str, needle: str, strength: Strength = "autonomous"
) -> EvidenceRule:
    return EvidenceRule(key, 1, agent, "commit_identity", strength, pattern, needle)


_CO_AUTHOR = r"co-authored-by:"
_GITHUB = r"@users\.noreply\.github\.com"

LINE_RULES: tuple[EvidenceRule, ...] = (
    _trailer(
        "claude-coauthor",
        "claude-code",
        "assisted",
        _CO_AUTHOR + r"\s*+(?:(?P<model>claude[^<]*+)|[^<]*+)"
        r"<(?:noreply@anthropic\.com|(?P<address_model>claude-[\w.-]+)@anthropic\.com"
        r"|\d+\+claude(?:\[bot\])?" + _GITHUB + ")>",
    ),
    _trailer(
        "claude-session",
        "claude-code",
        "assisted",
        r"claude-session:\s*https://claude\.ai/code/(?P<session>\S+)",
        "claude-session:",
    ),
    _body("claude-footer", "claude-code", r"generated with \[?claude code", "generated with"),
    _trailer(
        "copilot-agent-coauthor",
        "copilot-agent",
        "autonomous",
        _CO_AUTHOR + r"[^<]*<198982749\+copilot" + _GITHUB + ">",
    ),
    _trailer(
        "copilot-agent-logs",
        "copilot-agent",
        "autonomous",
        r"agent-logs-url:\s*(?P<session>https://\S+)",
        "agent-logs-url:",
    ),
    _trailer(
        "copilot-cli-coauthor",
        "copilot-cli",
        "assisted",
        _CO_AUTHOR + r"\s*copilot[^<]*<(?:223556219\+copilot" + _GITHUB + r"|copilot@github\.com)>",
    ),
    _trailer(
        "copilot-cli-session",
        "copilot-cli",
        "assisted",
        r"copilot-session:\s*(?P<session>[0-9a-f-]{16,})",
        "copilot-session:",
    ),
    _trailer(
        "copilot-review-coauthor",
        "copilot-review",
        "suggestion",
        _CO_AUTHOR + r"\s*copilot[^<]*<(?:175728472\+copilot"
        r"|223894421\+github-code-quality\[bot\]|62310815\+github-advanced-security\[bot\])"
        + _GITHUB
        + ">",
    ),
    _trailer(
        "cursor-coauthor", "cursor", "assisted", _CO_AUTHOR + r"[^<]*<cursoragent@cursor\.com>"
    ),
    _body("cursor-made-with", "cursor", r"^\s*made[- ]with:?\s*\[?cursor", "cursor"),
    _trailer(
        "aider-coauthor",
        "aider",
        "assisted",
        _CO_AUTHOR + r"\s*aider\s*\((?P<model>[^)]*)\)\s*<[^>]*@aider\.(?:dev|chat)>",
    ),
    _trailer(
        "codex-coauthor",
        "codex",
        "assisted",
        _CO_AUTHOR + r"\s*codex\b[^<]*<(?:noreply|codex)@openai\.com>",
    ),
    _trailer(
        "devin-coauthor",
        "devin",
        "autonomous",
        _CO_AUTHOR + r"[^<]*<158243242\+devin-ai-integration\[bot\]" + _GITHUB + ">",
    ),
    _trailer("jules-coauthor", "jules", "autonomous", _CO_AUTHOR + r"\s*google-labs-jules\[bot\]"),
    _trailer(
        "openhands-coauthor",
        "openhands",
        "autonomous",
        _CO_AUTHOR
        + r"[^<]*<(?:openhands@all-hands\.dev|opendevin@(?:opendevin\.ai|all-hands\.dev))>",
    ),
    _trailer(
        "gemini-review-coauthor",
        "gemini-code-assist",
        "suggestion",
        _CO_AUTHOR + r"\s*gemini-code-assist\[bot\]",
    ),
    _trailer(
        "other-agents-coauthor",
        "other-agents",
        "assisted",
        _CO_AUTHOR
        + r"\s*(?:firebender\s*<help@firebender\.com>|gemini-cli\[bot\]|factory-droid\[bot\])",
    ),
    _trailer("amp-coauthor", "amp", "assisted", _CO_AUTHOR + r"\s*amp\s*<amp@ampcode\.com>"),
    _trailer(
        "amp-thread", "amp", "assisted", r"amp-thread-id:\s*(?P<session>\S+)", "amp-thread-id:"
    ),
    _trailer(
        "entire-checkpoint",
        "entire",
        "assisted",
        r"entire-checkpoint:\s*(?P<session>[0-9a-f]{12})\b",
        "entire-checkpoint:",
    ),
    # A declaration that no AI took part is none, and nix-init is a packaging tool without AI.
    *(
        _trailer(
            f"declared-{word}",
            "declared",
            "declared",
            word + r":\s*(?!(?:false|no|none|never|n/?a|0|nix-init)\s*$)(?P<value>\S.*)",
            word + ":",
        )
        for word in ("assisted-by", "generated-by", "ai-assisted", "co-authored-by-ai")
    ),
)

IDENTITY_RULES: tuple[EvidenceRule, ...] = (
    _identity(
        "copilot-agent-identity", "copilot-agent", rf"<198982749\+copilot{_GITHUB}>", "<198982749+"
    ),
    _identity(
        "claude-identity", "claude-code", r"<noreply@anthropic\.com>", "<noreply@anthropic.com>"
    ),
    _identity(
        "devin-identity", "devin", r"<158243242\+devin-ai-integration\[bot\]@", "<158243242+"
    ),
    _identity("codex-identity", "codex", r"<codex@openai\.com>", "<codex@openai.com>"),
    _identity("openhands-identity", "openhands", r"^openhands <", "openhands <"),
    _identity("aider-identity", "aider", r"\(aider\) <", "(aider) <", "assisted"),
)
