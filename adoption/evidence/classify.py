"""Applies the evidence rules to one commit; pure, without storage and without a clock."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from adoption.evidence.rules import (
    IDENTITY_RULES,
    LINE_RULES,
    STRENGTHS,
    Channel,
    EvidenceRule,
    Strength,
)
from adoption.sources.records import Person

MAX_RAW_CHARS = 500  # of the line that is kept; real trailers have under 200
MAX_SESSION_CHARS = 300
MAX_MODEL_CHARS = 100

_RANK = {strength: rank for rank, strength in enumerate(STRENGTHS)}
_NEEDLES = tuple(sorted({rule.needle for rule in LINE_RULES}))

# Tool, then a model behind a colon or in brackets: the ways of writing found in the wild
# (reference: kernel policy `TOOL:MODEL [helpers]`, common habit `Tool (Model)`).
_DECLARATION = re.compile(
    r"^(?P<tool>[^:(]+)(?:(?P<mark>[:(])\s*(?P<model>[^)\s][^)]*)\)?)?$", re.DOTALL
)
_BARE_TOOLS = frozenset({"claude", "claude code"})
_PLAIN_YES = frozenset({"true", "yes", "y", "1"})


class EvidenceFound(NamedTuple):
    """One sign of AI assistance on a commit.

    Attributes:
        agent, channel, strength: as the rule says.
        model: the model as written, None when the sign does not name one.
        session_ref: id or address of the tool's session, None when the sign has none.
        raw: the line, or `Name <address>`, cut at `MAX_RAW_CHARS`.
        rule_key, rule_version: which rule found it.
        tool: the tool as a person declared it (`Assisted-by: <tool> (<model>)`), else None.
    """

    agent: str
    channel: Channel
    strength: Strength
    model: str | None
    session_ref: str | None
    raw: str
    rule_key: str
    rule_version: int
    tool: str | None = None


class Declaration(NamedTuple):
    """What a person wrote behind `Assisted-by:`; None where it cannot be told."""

    tool: str | None
    model: str | None


def classify_commit(message: str, author: Person, committer: Person) -> tuple[EvidenceFound, ...]:
    """All signs of AI assistance on one commit, in the order of the message.

    The same line twice counts once, and so does a person who is author and committer: one
    sign for each (agent, channel, raw text).
    """
    found: dict[tuple[str, str, str], EvidenceFound] = {}
    for evidence in (*_from_message(message), *_from_identities(author, committer)):
        found.setdefault((evidence.agent, evidence.channel, evidence.raw), evidence)
    return tuple(found.values())


def strongest(evidence: Iterable[EvidenceFound]) -> EvidenceFound | None:
    """The strongest sign, the first of equals; None when there is none.

    Order: autonomous, assisted, suggestion, declared, inferred.
    """
    return min(evidence, key=lambda item: _RANK[item.strength], default=None)


def parse_declaration(value: str) -> Declaration:
    """Split the free text of a declaration into tool and model, as far as that goes.

    A web address is neither. Behind a colon without a blank (the form of the Linux kernel) only
    the first word is the model; what follows are helper tools.
    """
    text = value.strip()[:MAX_RAW_CHARS]
    if text.lower().startswith("http") or text.lower() in _PLAIN_YES:
        return Declaration(None, None)
    match = _DECLARATION.match(text)
    if not match:
        return Declaration(text, None)
    model = match["model"]
    if model and model.lower().startswith("http"):
        model = None
    if model and match["mark"] == ":" and not text[match.end("mark")].isspace():
        model = model.split()[0]
    return Declaration(match["tool"].strip() or None, _clean(model, MAX_MODEL_CHARS))


def _from_message(message: str) -> Iterator[EvidenceFound]:
    lowered = message.lower()
    if not any(needle in lowered for needle in _NEEDLES):
        return  # nine commits of ten end here
    for line in message.split("\n"):
        lowered = line.lower()
        for rule in LINE_RULES:
            if rule.needle in lowered and (match := rule.regex.search(line)):
                yield _found(rule, match, line)


def _from_identities(*people: Person) -> Iterator[EvidenceFound]:
    for name, email in dict.fromkeys(people):
        identity = f"{name} <{email}>"
        lowered = identity.lower()
        for rule in IDENTITY_RULES:
            if rule.needle in lowered and (match := rule.regex.search(identity)):
                yield _found(rule, match, identity)


def _found(rule: EvidenceRule, match: re.Match[str], line: str) -> EvidenceFound:
    groups = match.groupdict()
    tool, model = None, groups.get("model") or groups.get("address_model")
    if value := groups.get("value"):
        tool, model = parse_declaration(value)
    elif model and model.strip().lower() in _BARE_TOOLS:
        model = groups.get("address_model")
    return EvidenceFound(
        agent=rule.agent,
        channel=rule.channel,
        strength=rule.strength,
        model=_clean(model, MAX_MODEL_CHARS),
        session_ref=_clean(groups.get("session"), MAX_SESSION_CHARS),
        raw=line.strip()[:MAX_RAW_CHARS],
        rule_key=rule.key,
        rule_version=rule.version,
        tool=_clean(tool, MAX_MODEL_CHARS),
    )


def _clean(text: str | None, most: int) -> str | None:
    return (text.strip()[:most] or None) if text else None
