from __future__ import annotations

import time

import pytest

from adoption.evidence.classify import (
    MAX_RAW_CHARS,
    EvidenceFound,
    classify_commit,
    parse_declaration,
    strongest,
)
from adoption.sources.records import Person

HUMAN = Person("Mira Okafor", "mira@acme.example")
GITHUB = "users.noreply.github.com"


def classify_line(line: str) -> tuple[EvidenceFound, ...]:
    return classify_commit(f"Add dunning mails\n\nWhy it matters.\n\n{line}\n", HUMAN, HUMAN)


LINES = [
    (
        "Co-Authored-By: Claude <noreply@anthropic.com>",
        ("claude-code", "assisted", None, None),
    ),
    (
        "Co-authored-by: Claude Opus 4.7 (1M context) <noreply@anthropic.com>",
        ("claude-code", "assisted", "Claude Opus 4.7 (1M context)", None),
    ),
    (
        "co-authored-by: Claude <claude-3-5-sonnet@anthropic.com>",
        ("claude-code", "assisted", "claude-3-5-sonnet", None),
    ),
    (
        f"Co-authored-by: claude[bot] <209825114+claude[bot]@{GITHUB}>",
        ("claude-code", "assisted", "claude[bot]", None),
    ),
    (
        "Co-authored-by: Somebody <noreply@anthropic.com>",
        ("claude-code", "assisted", None, None),
    ),
    (
        "Claude-Session: https://claude.ai/code/session_01AbC",
        ("claude-code", "assisted", None, "session_01AbC"),
    ),
    (
        "🤖 Generated with [Claude Code](https://claude.com/claude-code)",
        ("claude-code", "assisted", None, None),
    ),
    (
        f"Co-authored-by: copilot-swe-agent[bot] <198982749+Copilot@{GITHUB}>",
        ("copilot-agent", "autonomous", None, None),
    ),
    (
        "Agent-Logs-Url: https://github.com/acme/billing/sessions/12",
        ("copilot-agent", "autonomous", None, "https://github.com/acme/billing/sessions/12"),
    ),
    (
        f"Co-authored-by: Copilot App <223556219+Copilot@{GITHUB}>",
        ("copilot-cli", "assisted", None, None),
    ),
    ("Co-authored-by: Copilot <copilot@github.com>", ("copilot-cli", "assisted", None, None)),
    (
        "Copilot-Session: 0f1e2d3c-aaaa-bbbb-cccc-0123456789ab",
        ("copilot-cli", "assisted", None, "0f1e2d3c-aaaa-bbbb-cccc-0123456789ab"),
    ),
    (
        f"Co-authored-by: Copilot <175728472+Copilot@{GITHUB}>",
        ("copilot-review", "suggestion", None, None),
    ),
    (
        "Co-authored-by: Copilot Autofix powered by AI "
        f"<62310815+github-advanced-security[bot]@{GITHUB}>",
        ("copilot-review", "suggestion", None, None),
    ),
    ("Co-authored-by: Cursor <cursoragent@cursor.com>", ("cursor", "assisted", None, None)),
    ("Made-with: Cursor", ("cursor", "assisted", None, None)),
    (
        "Co-authored-by: aider (gpt-5/high) <noreply@aider.dev>",
        ("aider", "assisted", "gpt-5/high", None),
    ),
    ("Co-authored-by: Codex <noreply@openai.com>", ("codex", "assisted", None, None)),
    (
        f"Co-authored-by: Devin AI <158243242+devin-ai-integration[bot]@{GITHUB}>",
        ("devin", "autonomous", None, None),
    ),
    (
        f"Co-authored-by: google-labs-jules[bot] <161369871+google-labs-jules[bot]@{GITHUB}>",
        ("jules", "autonomous", None, None),
    ),
    (
        "  Co-authored-by: openhands <openhands@all-hands.dev>",
        ("openhands", "autonomous", None, None),
    ),
    (
        f"Co-authored-by: gemini-code-assist[bot] <176961590+x@{GITHUB}>",
        ("gemini-code-assist", "suggestion", None, None),
    ),
    (
        "Co-authored-by: Firebender <help@firebender.com>",
        ("other-agents", "assisted", None, None),
    ),
    ("Co-authored-by: Amp <amp@ampcode.com>", ("amp", "assisted", None, None)),
    ("Amp-Thread-ID: T-12", ("amp", "assisted", None, "T-12")),
    ("Entire-Checkpoint: 0e6b66910244", ("entire", "assisted", None, "0e6b66910244")),
    ("Assisted-by: OpenCode (Opus 4.5)", ("declared", "declared", "Opus 4.5", None)),
    ("Generated-by: ChatGPTv5", ("declared", "declared", None, None)),
    ("AI-Assisted: yes", ("declared", "declared", None, None)),
    ("Co-authored-by-AI: Bob (granite-4)", ("declared", "declared", "granite-4", None)),
]


@pytest.mark.parametrize(("line", "expected"), LINES, ids=[line for line, _ in LINES])
def test_each_tool_is_recognised_by_its_own_line(
    line: str, expected: tuple[str, str, str | None, str | None]
) -> None:
    (found,) = classify_line(line)
    assert (found.agent, found.strength, found.model, found.session_ref) == expected
    assert found.raw == line.strip()
    assert found.rule_key
    assert found.rule_version >= 1
    assert found.channel in ("commit_trailer", "commit_body")


IDENTITIES = [
    (f"Copilot <198982749+Copilot@{GITHUB}>", "copilot-agent", "autonomous"),
    ("Claude <noreply@anthropic.com>", "claude-code", "autonomous"),
    (f"Devin AI <158243242+devin-ai-integration[bot]@{GITHUB}>", "devin", "autonomous"),
    ("Codex <codex@openai.com>", "codex", "autonomous"),
    ("OpenHands <bot@anywhere.example>", "openhands", "autonomous"),
    ("Mira Okafor (aider) <mira@acme.example>", "aider", "assisted"),
]


def to_person(identity: str) -> Person:
    name, _, email = identity.partition(" <")
    return Person(name, email.rstrip(">"))


@pytest.mark.parametrize(("identity", "agent", "strength"), IDENTITIES)
@pytest.mark.parametrize("place", ["author", "committer", "both"])
def test_an_agent_as_author_or_committer_is_found_once(
    identity: str, agent: str, strength: str, place: str
) -> None:
    person = to_person(identity)
    author = person if place != "committer" else HUMAN
    committer = person if place != "author" else HUMAN
    (found,) = classify_commit("Fix", author, committer)
    assert (found.agent, found.strength, found.channel) == (agent, strength, "commit_identity")
    assert found.raw == identity


HUMANS_AND_ROBOTS = [
    "Felix Weinberger <fweinberger@anthropic.com>",
    "Paul Carleton <paulc@anthropic.com>",
    "Basil Hosmer <basil@anthropic.com>",
    "Devin Breshears <devinb@microsoft.com>",
    "Benjamin Goose <goose@acme.example>",
    "gemini-cli-robot <gemini-cli-robot@google.com>",
    f"dependabot[bot] <49699333+dependabot[bot]@{GITHUB}>",
    f"renovate[bot] <29139614+renovate[bot]@{GITHUB}>",
    "OpenDevinBot <bot@opendevin.com>",
    "Claude Monet <claude@monet.example>",
    "dev-1a2b3c <dev-1a2b3c@anthropic.example.invalid>",
    "GitHub <noreply@github.com>",
]


@pytest.mark.parametrize("identity", HUMANS_AND_ROBOTS)
def test_people_and_other_robots_are_not_taken_for_assistants(identity: str) -> None:
    person = to_person(identity)
    assert classify_commit("Fix", person, person) == ()
    for key in ("Co-authored-by", "Signed-off-by", "Reviewed-by"):
        assert classify_line(f"{key}: {identity}") == ()


@pytest.mark.parametrize(
    "line",
    [
        "Assited-by: OpenCode (Opus 4.5)",
        "Co-Authored-By: Claude Opus 4.6",
        "Not Assisted-by: OpenCode",
        "Assisted-by:",
        "Assisted-by: nix-init",
        "Ai-assisted: false",
        "AI-assisted: no  ",
        "Generated-by: none",
        "This was predominantly AI generated",
        "Entire-Checkpoint: 0e6b6691024",
        "Signed-off-by: Claude <noreply@anthropic.com>",
        "See https://claude.ai/code/session_1",
    ],
)
def test_what_only_looks_like_evidence_is_none(line: str) -> None:
    assert classify_line(line) == ()


def test_a_trailer_does_not_reach_over_the_line_end() -> None:
    assert classify_line("Co-authored-by:\nClaude <noreply@anthropic.com>") == ()
    assert classify_line("Assisted-by:\nfoo") == ()


def test_trailers_in_the_middle_of_a_squashed_message_count() -> None:
    message = "Squash (#12)\n\n* one\n\nAssisted-by: AI\n\n* two\r\n\r\nMore text\r\n"
    assert [found.raw for found in classify_commit(message, HUMAN, HUMAN)] == ["Assisted-by: AI"]


def test_the_same_sign_twice_counts_once_and_different_signs_each() -> None:
    line = "Co-authored-by: Claude <noreply@anthropic.com>"
    message = f"Fix\n\n{line}\n{line}\r\n  {line}\nGenerated with Claude Code\n"
    agent = Person("Claude", "noreply@anthropic.com")
    found = classify_commit(message, agent, agent)
    assert [item.channel for item in found] == [
        "commit_trailer",
        "commit_body",
        "commit_identity",
    ]


def test_the_strongest_sign_wins_whatever_the_order() -> None:
    message = "Fix\n\nAssisted-by: AI\nAmp-Thread-ID: T-1\nAgent-Logs-Url: https://x.example/1\n"
    found = classify_commit(message, HUMAN, HUMAN)
    for order in (found, found[::-1]):
        best = strongest(order)
        assert best is not None
        assert best.strength == "autonomous"
    assert strongest(()) is None
    inferred = found[0]._replace(strength="inferred")
    assert strongest((inferred, found[0])) == found[0]


@pytest.mark.parametrize(
    ("value", "tool", "model"),
    [
        ("OpenCode (Claude Opus 4.5)", "OpenCode", "Claude Opus 4.5"),
        ("OpenCode(Opus 4.6)", "OpenCode", "Opus 4.6"),
        ("Claude Code (Opus 4.5", "Claude Code", "Opus 4.5"),
        ("Claude:claude-3-opus coccinelle sparse", "Claude", "claude-3-opus"),
        ("Cursor: Auto mode", "Cursor", "Auto mode"),
        ("AI", "AI", None),
        ("generic LLM chatbot", "generic LLM chatbot", None),
        ("https://acme.example/policy#llms", None, None),
        ("Bob (https://acme.example)", "Bob", None),
        ("true", None, None),
        ("Claude (Opus) and Codex (5)", "Claude (Opus) and Codex (5)", None),
        ("Tool ()", "Tool ()", None),
    ],
)
def test_declarations_are_read_leniently(value: str, tool: str | None, model: str | None) -> None:
    assert parse_declaration(value) == (tool, model)
    (found,) = classify_line(f"Assisted-by: {value}")
    assert (found.tool, found.model) == (tool, model)
    assert found.raw == f"Assisted-by: {value}"


def test_a_huge_message_is_classified_quickly_and_kept_short() -> None:
    message = "Assisted-by: " + "a(" * 100_000 + "\n" + "co-authored-by: \n" * 10_000
    started = time.perf_counter()
    (found,) = classify_commit(message, HUMAN, HUMAN)
    assert time.perf_counter() - started < 2
    assert len(found.raw) == MAX_RAW_CHARS


def test_five_thousand_commits_take_under_two_seconds() -> None:
    body = "Explain the change in a few sentences of ordinary length.\n" * 10
    plain = f"Fix the thing\n\n{body}"
    marked = f"{plain}\nCo-authored-by: Claude Opus 5 <noreply@anthropic.com>\n"
    started = time.perf_counter()
    found = [classify_commit(marked if n % 4 == 0 else plain, HUMAN, HUMAN) for n in range(5_000)]
    assert time.perf_counter() - started < 2
    assert sum(map(bool, found)) == 1_250
