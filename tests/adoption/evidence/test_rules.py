from __future__ import annotations

import re
import time

import pytest

from adoption.evidence.rules import (
    IDENTITY_RULES,
    LINE_RULES,
    RULES_VERSION,
    STRENGTHS,
    EvidenceRule,
)

ALL_RULES = LINE_RULES + IDENTITY_RULES


def test_keys_are_unique_and_versions_count_from_one() -> None:
    keys = [rule.key for rule in ALL_RULES]
    assert len(set(keys)) == len(keys)
    assert all(rule.version >= 1 for rule in ALL_RULES)
    assert RULES_VERSION


def test_no_rule_about_commits_infers() -> None:
    assert {rule.strength for rule in ALL_RULES} == set(STRENGTHS) - {"inferred"}


@pytest.mark.parametrize("rule", ALL_RULES, ids=lambda rule: rule.key)
def test_the_needle_is_part_of_the_pattern_and_lower_case(rule: EvidenceRule) -> None:
    assert rule.needle == rule.needle.lower()
    plain = re.sub(r"\\(.)", r"\1", rule.pattern).lower()
    assert rule.needle in plain


@pytest.mark.parametrize("rule", ALL_RULES, ids=lambda rule: rule.key)
@pytest.mark.parametrize("filler", [" ", "a", "(", "<", "co-authored-by: ", "claude", "\t"])
def test_no_line_makes_a_rule_slow(rule: EvidenceRule, filler: str) -> None:
    """A pattern of quadratic cost takes ten seconds and more on these lines."""
    started = time.perf_counter()
    for start in ("co-authored-by:", "co-authored-by: claude", rule.needle, ""):
        line = start + filler * (200_000 // len(filler)) + "x"
        rule.regex.search(line)
    assert time.perf_counter() - started < 3
