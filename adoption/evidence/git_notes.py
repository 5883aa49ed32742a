"""Reads the notes that git-ai leaves on commits (`refs/notes/ai`, standard 3.0.0). Pure.

A note says which lines an agent wrote. Overlapping entries are known faults of its writers, so
lines are counted as a union and never beyond what the commit added. Lines that no entry covers are
unknown, not human. A note is one more sign on the same change: it never makes a second change.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from adoption.evidence.classify import MAX_MODEL_CHARS, MAX_SESSION_CHARS, EvidenceFound

RULE_KEY, RULE_VERSION = "git-ai-note", 1
# One name a tool in all channels, or trailer and note would look like two agents.
AGENTS: Mapping[str, str] = {
    "claude": "claude-code",
    "github-copilot": "copilot-cli",
    "copilot": "copilot-cli",
}
_MOST_AGENT_CHARS = 64
_RANGE = re.compile(r"(\d{1,9})(?:-(\d{1,9}))?")
Span = tuple[int, int]


def read_note(note: str, *, added: int | None) -> tuple[EvidenceFound, ...]:
    """One sign for each agent (and model) to which the note attributes lines.

    Args:
        added: lines that the commit added, None when that is not known.

    A note that cannot be read says nothing: it stands beside the history and is no part of it.
    """
    head, mark, tail = note.replace("\r\n", "\n").partition("\n---\n")
    if not mark:
        return ()
    try:
        told = json.loads(tail)
    except (ValueError, RecursionError):
        return ()
    if not isinstance(told, dict):
        return ()
    spans: dict[tuple[str, str], dict[str, list[Span]]] = defaultdict(lambda: defaultdict(list))
    sessions: dict[tuple[str, str], str] = {}
    for path, key, found in _entries(head):
        who = _agent_of(told, key)
        if who is None:
            continue
        tool, model, session = who
        spans[tool, model][path] += found
        sessions.setdefault((tool, model), session)
    signs = []
    for (tool, model), by_path in sorted(spans.items()):
        lines = sum(_union(each) for each in by_path.values())
        if added is not None:
            lines = min(lines, added)
        if lines:
            signs.append(_sign(tool, model, sessions[tool, model], lines, len(by_path)))
    return tuple(signs)


def _entries(head: str) -> Iterable[tuple[str, str, list[Span]]]:
    """Path, key and line ranges of each entry; a path stands at the margin, entries below it."""
    path = ""
    for line in head.split("\n"):
        if not line.startswith("  "):
            path = line.strip().strip('"')
            continue
        key, _, ranges = line.strip().partition(" ")
        found = [(int(first), int(last or first)) for first, last in _RANGE.findall(ranges.strip())]
        if path and found:
            yield path, key, found


def _agent_of(told: Mapping[str, Any], key: str) -> tuple[str, str, str] | None:
    """Tool, model and session behind a key; None for people and for what is not told."""
    place, name = ("sessions", key.partition("::")[0]) if key[:2] == "s_" else ("prompts", key)
    if key.startswith("h_"):
        return None
    group = told.get(place)
    row = group.get(name) if isinstance(group, dict) else None
    agent = row.get("agent_id") if isinstance(row, dict) else None
    if not isinstance(agent, dict):
        return None
    tool, model, session = (_text(agent.get(part)) for part in ("tool", "model", "id"))
    return (tool.lower(), model, session) if tool else None


def _text(value: object) -> str:
    return value.strip().replace("\x00", "") if isinstance(value, str) else ""


def _union(spans: Iterable[Span]) -> int:
    """Lines that at least one span covers."""
    count = reached = 0
    for first, last in sorted(spans):
        start = max(first, reached + 1)
        if last >= start:
            count += last - start + 1
            reached = last
    return count


def _sign(tool: str, model: str, session: str, lines: int, files: int) -> EvidenceFound:
    return EvidenceFound(
        agent=AGENTS.get(tool, tool)[:_MOST_AGENT_CHARS],
        channel="git_note",
        strength="assisted",
        model=model[:MAX_MODEL_CHARS] or None,
        session_ref=session[:MAX_SESSION_CHARS] or None,
        raw=f"{tool} {model}".strip()[:200] + f": {lines} lines in {files} files",
        rule_key=RULE_KEY,
        rule_version=RULE_VERSION,
    )
