"""Ranking use cases for a change: a pure function of what is known."""

from __future__ import annotations

import dataclasses
import random

from hypothesis import given, settings
from hypothesis import strategies as st

from adoption.choices import MarkKind, Strength
from adoption.suggesting import (
    EVIDENCE_WEIGHTS,
    LEAST_SCORE,
    WEIGHTS,
    Facts,
    Mark,
    Place,
    rank,
    tickets_in,
)

DRAFTS, NOTES, BILLING = (
    Place(1, "drafts", "Answer drafts"), Place(2, "notes", "Call notes"),
    Place(3, "billing", "Billing"),
)  # fmt: skip
PLACES = [DRAFTS, NOTES, BILLING]


def best(facts: Facts, *marks: Mark) -> tuple[int, list[str]]:
    found = rank(facts, PLACES, marks).candidates[0]
    return found.use_case, [reason.text for reason in found.reasons]


def plain(**known: object) -> Facts:
    return dataclasses.replace(Facts("shop", "Add dunning mails"), **known)  # type: ignore[arg-type]


def test_each_way_of_recognising_says_so_in_words() -> None:
    assert best(plain(linked=[1])) == (1, ["linked repository shop"])
    assert best(plain(labels=["Billing"]), Mark(3, MarkKind.LABEL, "billing")) == (
        3, ["label “Billing”"],
    )  # fmt: skip
    assert best(plain(branch="feat/bill-42-dunning"), Mark(3, MarkKind.TICKET, "BILL")) == (
        3, ["ticket BILL-42 in its branch"],
    )  # fmt: skip
    assert best(plain(title="BILL-7: dunning"), Mark(3, MarkKind.TICKET, "BILL-7")) == (
        3, ["ticket BILL-7 in its title"],
    )  # fmt: skip
    paths = ["services/billing/a.py", "services/billing/b.py", "README.md"]
    mark = Mark(3, MarkKind.PATH, "services/billing/")
    assert best(plain(paths=paths, linked=[3]), mark)[1][0] == (
        "2 of 3 files below services/billing/"
    )
    assert best(plain(history=[2, 2, 2, 1])) == (2, ["3 of your last 4 from this repository"])
    assert best(plain(message="Dunning\n\nUse-Case: notes\n")) == (
        2, ["it names the use case itself"],
    )  # fmt: skip
    assert best(plain(labels=["uc:notes"])) == (2, ["label “uc:notes”"])


def test_a_path_decides_between_the_use_cases_of_one_repository() -> None:
    marks = [Mark(1, MarkKind.PATH, "drafts/"), Mark(3, MarkKind.PATH, "billing/")]
    inside = plain(linked=[1, 3], paths=["billing/a.py"])
    assert best(inside, *marks)[0] == 3
    passing = plain(linked=[1, 3], paths=["billing/a.py", "drafts/b.py"])
    assert best(passing, *marks) == (1, ["linked repository shop"])  # half is not most
    elsewhere = plain(linked=[1], paths=["billing/a.py"])
    assert best(elsewhere, *marks)[0] == 1  # that path is of another repository


def test_signs_of_ai_say_whether_to_ask_and_never_for_which_use_case() -> None:
    without = rank(plain(linked=[1, 2]), PLACES, ())
    for strength in Strength:
        ranked = rank(plain(linked=[1, 2], strength=strength, agents=["x"]), PLACES, ())
        assert ranked.candidates == without.candidates
        assert ranked.score == without.score + EVIDENCE_WEIGHTS[strength]
    assert not without.is_worth_asking
    assert rank(plain(linked=[1], strength="assisted"), PLACES, ()).is_worth_asking
    # A seat that was active is usage: it never tips the scales.
    assert not rank(plain(linked=[1], strength="inferred"), PLACES, ()).is_worth_asking


def test_a_use_case_that_takes_no_deliveries_is_never_proposed() -> None:
    ranked = rank(plain(linked=[9], history=[9]), PLACES, [Mark(9, MarkKind.LABEL, "x")])
    assert ranked.candidates == ()
    assert not ranked.is_worth_asking


def test_tickets_are_read_as_tickets_only() -> None:
    assert tickets_in("BILL-42: x", "fix/bill-42", "OPS-1") == ("BILL-42", "OPS-1")
    assert tickets_in("v1-2", "utf-8 and sha-256", "a-1", "X-", "é-1") == (
        "V1-2",
        "UTF-8",
        "SHA-256",
    )  # fmt: skip  (nothing but a mark makes one of them mean anything)


FACTS = st.builds(
    Facts,
    repository=st.just("shop"),
    title=st.sampled_from(["Add mails", "BILL-1 mails", "OPS-2"]),
    branch=st.sampled_from(["", "feat/BILL-9", "ops-3"]),
    labels=st.lists(st.sampled_from(["ai", "billing", "uc:notes"]), max_size=3),
    paths=st.lists(st.sampled_from(["a/x", "a/y", "b/z"]), max_size=4),
    linked=st.lists(st.integers(1, 4), max_size=4),
    history=st.lists(st.integers(1, 4), max_size=8),
    strength=st.sampled_from(["", *Strength.values]),
)
MARKS = st.lists(
    st.builds(
        Mark,
        st.integers(1, 4),
        st.sampled_from(MarkKind.values),
        st.sampled_from(["a/", "b/", "ai", "billing", "BILL", "OPS-2"]),
    ),
    max_size=6,
)


@settings(max_examples=60)
@given(FACTS, MARKS, st.randoms(use_true_random=False))
def test_the_order_of_what_is_known_changes_nothing(
    facts: Facts, marks: list[Mark], shuffled: random.Random
) -> None:
    places, other = list(PLACES), list(marks)
    shuffled.shuffle(places)
    shuffled.shuffle(other)
    assert rank(facts, PLACES, marks) == rank(facts, places, other)


@settings(max_examples=60)
@given(FACTS, MARKS)
def test_candidates_are_sorted_by_the_sum_of_their_reasons_and_each_has_one(
    facts: Facts, marks: list[Mark]
) -> None:
    ranked = rank(facts, PLACES, marks)
    points = [each.points for each in ranked.candidates]
    assert points == sorted(points, reverse=True)
    for each in ranked.candidates:
        assert each.points == sum(reason.points for reason in each.reasons)
        assert len({reason.kind for reason in each.reasons}) == len(each.reasons)
        assert all(reason.text and reason.points <= WEIGHTS[reason.kind] for reason in each.reasons)
    assert ranked.is_worth_asking == bool(points and ranked.score >= LEAST_SCORE)
