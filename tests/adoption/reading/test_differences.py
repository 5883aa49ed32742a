"""Nobody learns of fewer than k people from what any two of the house were told.

Pairs, and all of them at once, are answers that the product gave: values by filters, ranges and
moments, files, explanations, boards, pages, snapshots and requests for approval, to every role.
Whoever combines them is given every total at one moment as well. In some houses people moved
between teams late, so values were revised and stand in several states.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
from django.db import transaction

from adoption.metrics import privacy
from adoption.selectors import metric_withholding
from adoption.selectors.metric_withholding import StoredRow
from tests.adoption.reading.house import House, random_house
from tests.adoption.reading.questions import Answer, ask, askers_of
from tests.plugins.proofs import Figures
from tests.plugins.sweeping import examples

pytestmark = pytest.mark.django_db
QUESTIONS = 100  # in each house: 4,950 pairs, of which so many are drawn, each once
PAIRS = 4_000


@dataclass
class Asked:
    """What came of one house: what a pair told, and how much there was to combine."""

    found: str = ""
    pairs: int = 0
    both_tell: int = 0
    telling: int = 0


@pytest.fixture(autouse=True)
def _heads(tmp_path: Path, settings: Any) -> None:
    settings.AUDIT_HEADS_DIR = tmp_path


def answers_of(house: House, source: random.Random, count: int) -> list[Answer]:
    askers = askers_of(house)
    return [ask(house, source.choice(askers), source) for _ in range(count)]


def combined(house: House, answers: list[Answer], source: random.Random, pairs: int) -> Asked:
    """Every drawn pair, each once, then all answers at once: to managers, and to everybody.

    The first find ends it. Of several askers the smaller group counts.
    """
    asked = Asked(telling=sum(1 for each in answers if each.told))
    every = list(combinations(answers, 2))
    for one, two in source.sample(every, min(pairs, len(every))):
        asked.pairs += 1
        asked.both_tell += bool(one.told and two.told)
        told = house.recovered(one.told | two.told, min(one.asker.k, two.asker.k))
        if told:
            asked.found = f"{one.what} and {two.what}: {told}"
            return asked
    for k in (5, 10):
        known = frozenset().union(*(each.told for each in answers if each.asker.k >= k))
        asked.found = asked.found or house.recovered(known, k)
    return asked


def in_one_house(source: random.Random, questions: int, pairs: int, heads: Path) -> Asked:
    """A house, asked and given up again."""
    (heads / "snapshot-heads.jsonl").unlink(missing_ok=True)
    with transaction.atomic():
        with random_house(source) as house:
            answers = answers_of(house, source, questions)
        asked = combined(house, answers, source, pairs)
        transaction.set_rollback(True)
    return asked


@pytest.mark.both_engines
def test_a_few_houses_keep_their_small_groups(tmp_path: Path) -> None:
    """One by default, some in a sweep."""
    source = random.Random(20261129)  # noqa: S311  (a story, not a secret)
    houses = examples(1)
    asked = [in_one_house(source, 50, 1_225, tmp_path) for _ in range(houses)]
    assert [each.found for each in asked] == [""] * houses
    assert sum(each.telling for each in asked) > 7 * houses, (
        "answers that tell nothing show nothing"
    )


def all_that_is_told(houses: int, questions: int, source: random.Random, heads: Path) -> list[str]:
    """What is found in a few houses with a guard taken away, until something is: with the seeds
    given here in the first of them."""
    for _ in range(houses):
        if found := in_one_house(source, questions, 500, heads).found:
            return [found]
    return []


def test_without_cover_the_same_questions_do_find_small_groups(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The check can fail: a floor alone hides a group that subtraction finds."""
    monkeypatch.setattr(privacy, "_cover", lambda members, hidden, k: {})
    source = random.Random(1)  # noqa: S311  (a story, not a secret)
    assert all_that_is_told(3, 36, source, tmp_path)


def test_without_the_states_before_and_after_a_late_move_is_found(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Deciding about each moment by itself tells at one what covered a group at another."""
    decide = metric_withholding.withheld_rows

    def each_moment_by_itself(rows: list[StoredRow], *rest: Any) -> dict[int, str]:
        """What is withheld at every moment at which it stood: the rest can be asked for."""
        told: set[int] = set()
        found: dict[int, str] = {}
        for moment in {row.computed_at for row in rows}:
            state = [row for row in rows if row.stood_at(moment)]
            hidden = decide(
                [replace(row, computed_at=moment, superseded_at=None) for row in state], *rest
            )
            found |= hidden
            told |= {row.pk for row in state} - hidden.keys()
        return {pk: reason for pk, reason in found.items() if pk not in told}

    monkeypatch.setattr("adoption.selectors.metric_values.withheld_rows", each_moment_by_itself)
    source = random.Random(3)  # noqa: S311  (a story, not a secret)
    assert all_that_is_told(6, 60, source, tmp_path)


@pytest.mark.prove("Pairs of queries and exports by every role", engine="sqlite")
def test_pairs_of_queries_and_exports_recover_nobody(figures: Figures, tmp_path: Path) -> None:
    houses = figures.scaled(100_000 // PAIRS)
    total = Asked()
    for _ in figures.progress(range(houses), "houses"):
        asked = in_one_house(figures.random, QUESTIONS, PAIRS, tmp_path)
        total.pairs += asked.pairs
        total.both_tell += asked.both_tell
        total.telling += asked.telling
        if asked.found:
            figures.bad(asked.found)
    figures("pairs of answers", total.pairs, houses * PAIRS)
    figures("pairs in which both told values", total.both_tell, total.pairs // 20)
    figures("answers that told values", total.telling, houses * QUESTIONS // 5)
