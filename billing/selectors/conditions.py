"""The conditions of a rule: as stored, and in words."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Protocol

from billing.allocation.match import Condition, values_in
from billing.choices import MatchField, MatchMode

_NAMED_OF_LIST = 3


class Conditional(Protocol):
    """A rule, or a draft of one, with its conditions in columns."""

    field: str
    tag_key: str
    mode: str
    value: str
    further: str


def conditions_of(rule: Conditional) -> tuple[Condition, ...]:
    """The first condition and the further ones."""
    first = Condition(rule.field, rule.tag_key, rule.mode, rule.value)
    return (first, *(Condition(*each) for each in json.loads(rule.further)))


def further_text(conditions: Sequence[Condition]) -> str:
    """Further conditions as stored: the same text for the same conditions."""
    return json.dumps([list(each) for each in conditions], ensure_ascii=False)


def condition_text(condition: Condition) -> str:
    """One condition in words: `Tag application equals “chat”`."""
    subject = str(MatchField(condition.field).label)
    if condition.tag_key:
        subject = f"{subject} {condition.tag_key}"
    verb = MatchMode(condition.mode).label
    if condition.mode != MatchMode.ONE_OF:
        return f"{subject} {verb} “{condition.value}”"
    values = sorted(values_in(condition.value))
    named = ", ".join(f"“{each}”" for each in values[:_NAMED_OF_LIST])
    more = len(values) - _NAMED_OF_LIST
    return f"{subject} {verb} {named}" + (f" and {more} more" if more > 0 else "")


def conditions_text(conditions: Sequence[Condition]) -> str:
    """All of them in words."""
    return ", and ".join(map(condition_text, conditions))
