"""Attacks on the values that no simulation of deliveries covers, and the table of all of them."""

from __future__ import annotations

import ast
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from adoption.metrics.alignment import calculate_alignment
from adoption.metrics.attacks import ATTACKS
from adoption.metrics.registry import KNOWN_INPUTS
from adoption.metrics.validation_coverage import calculate_coverage
from adoption.redteam import attacks
from adoption.redteam.proofs import PROOFS, open_pairs, table, value_metrics

ROOT = Path(__file__).resolve().parents[4]
DAYS = st.dates().map(lambda day: day.isoformat())


@given(st.integers(5, 500), st.integers(0, 500), st.integers(0, 50))
def test_a12_a14_coverage_falls_with_everything_that_is_not_judged(
    launched: int, judged: int, more: int
) -> None:
    """Choosing what is judged, or how, leaves the rest in the denominator."""
    judged = min(judged, launched)
    facts = {"launched": launched, "judged": judged, "inconclusive": 0, "exploratory": 0}
    honest = calculate_coverage(facts)
    shopped = calculate_coverage({**facts, "launched": launched + more, "exploratory": more})
    assert honest.nano is not None
    assert shopped.nano is not None
    assert shopped.nano <= honest.nano
    assert calculate_coverage({**facts, "exploratory": launched}).nano == honest.nano


def target(met_on: str | None, *, is_withdrawn: bool = False) -> dict[str, object]:
    return {
        "target": 1, "milestone": 1, "due_on": "2026-09-15", "met_on": met_on,
        "is_withdrawn": is_withdrawn,
    }  # fmt: skip


@given(st.lists(st.one_of(st.none(), DAYS), min_size=5, max_size=30), st.data())
def test_a10_a_target_that_nobody_measured_is_not_met(
    met: list[str | None], data: st.DataObject
) -> None:
    whole = [target(each) for each in met]
    honest = calculate_alignment({"targets": whole, "until": "2026-10-01"})
    lost = list(whole)
    place = data.draw(st.integers(0, len(whole) - 1))
    worse: list[dict[str, object]] = [{"met_on": None}, {"is_withdrawn": True}]
    lost[place] = {**whole[place], **data.draw(st.sampled_from(worse))}
    gamed = calculate_alignment({"targets": lost, "until": "2026-10-01"})
    assert honest.nano is not None
    assert gamed.nano is not None
    assert gamed.nano <= honest.nano
    assert gamed.n == honest.n


def test_the_table_has_every_attack_and_leaves_no_pair_out() -> None:
    assert [each.attack for each in PROOFS] == list(ATTACKS)
    values = value_metrics()
    assert len(values) >= 16
    assert open_pairs(values) == []
    assert all(each.touches <= KNOWN_INPUTS for each in PROOFS)
    assert len(table()) == len(ATTACKS) + 1


def test_a_hole_in_the_table_is_seen() -> None:
    first, *_ = value_metrics()
    unknown = {**vars(first), "key": "brand_new"}
    assert open_pairs([type(first)(**unknown)])


def test_every_name_in_the_table_is_a_test() -> None:
    named = {test for proof in PROOFS for _, test in proof.tests}
    for each in sorted(named):
        path, _, name = each.partition("::")
        tree = ast.parse((ROOT / path).read_text())
        assert name in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}, each


def test_what_the_simulation_is_known_to_move_is_said_in_the_table() -> None:
    said = {(proof.attack, key) for proof in PROOFS for keys, _ in proof.limits for key in keys}
    for attack in (*attacks.ATTACKS, *attacks.KNOWN_LIMITS):
        assert {(attack.number, key) for key in attack.works_on} <= said, attack.key
