"""Which rules a dimension of charges matches: pure, so a dry run needs no database."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache

from billing.choices import MatchField, MatchMode


@dataclass(frozen=True, slots=True)
class RuleMatch:
    """The part of a rule that matching needs. Rules are given in the order in which they apply."""

    rule_id: int
    field: str
    tag_key: str
    mode: str
    value: str
    starts_on: date
    ends_on: date | None
    connection_id: int | None


@dataclass(frozen=True, slots=True)
class Attributes:
    """The attributes of a dimension that rules look at; `tags` is a JSON object as text."""

    sub_account_id: str
    sub_account_name: str
    service_name: str
    resource_id: str
    tags: str


@lru_cache(maxsize=65_536)
def tags_of(text: str) -> Mapping[str, str]:
    """Tags from their JSON text; a value that is no text is written as JSON."""
    loaded = json.loads(text) if text else {}
    return {
        key: value if isinstance(value, str) else json.dumps(value) for key, value in loaded.items()
    }


def _candidates(rule: RuleMatch, attributes: Attributes) -> Sequence[str]:
    match rule.field:
        case MatchField.TAG:
            value = tags_of(attributes.tags).get(rule.tag_key)
            return () if value is None else (value,)
        case MatchField.SUB_ACCOUNT:
            return (attributes.sub_account_id, attributes.sub_account_name)
        case MatchField.SERVICE:
            return (attributes.service_name,)
        case MatchField.RESOURCE:
            return (attributes.resource_id,)
    return ()


def rule_matches(rule: RuleMatch, attributes: Attributes) -> bool:
    """Whether the rule's condition holds, dates and connection aside. Absent text never matches."""
    for text in _candidates(rule, attributes):
        if not text:
            continue
        if rule.mode == MatchMode.EQUALS and text == rule.value:
            return True
        if rule.mode == MatchMode.STARTS_WITH and text.startswith(rule.value):
            return True
    return False


def matching_rules(rules: Iterable[RuleMatch], attributes: Attributes) -> list[RuleMatch]:
    """All rules that match, in the given order; the first one valid on a day takes the charge."""
    return [rule for rule in rules if rule_matches(rule, attributes)]
