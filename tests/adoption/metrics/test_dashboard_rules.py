"""What may be submitted: a goal, outcomes, three sides of SPACE, nothing unapproved."""

from __future__ import annotations

from typing import Any

import pytest

from adoption.choices import StandingStatus, TileKind
from adoption.metrics.dashboard_rules import (
    MOST_TILES,
    NO_STANDING,
    TRUST_ORDER,
    Tile,
    problems_of,
    worst_standing,
)


def tile(dimension: str = "performance", **fields: Any) -> Tile:
    values: dict[str, Any] = {
        "kind": TileKind.NUMBER, "title": "", "metric_version": 1, "metric": "held_rate",
        "version": "1.0.0", "label": "Held rate", "unit": "ratio", "definition_sha256": "d" * 64,
        "scope_kind": "use_case", "scope_id": 1, "scope_name": "Drafts", "is_value": True,
        "inputs": frozenset({"deliveries"}), "standing": StandingStatus.CERTIFIED,
    }  # fmt: skip
    return Tile(dimension=dimension, **(values | fields))


GOOD = [
    tile(),
    tile("efficiency", metric_version=2),
    tile("satisfaction", metric_version=3),
]


def problems(tiles: list[Tile], *, has_goal: bool = True) -> str:
    return " ".join(problems_of(tiles, has_goal=has_goal, outcomes=["Held deliveries"]))


def test_three_sides_with_an_outcome_and_a_goal_may_be_submitted() -> None:
    assert problems(GOOD) == ""


@pytest.mark.parametrize(
    ("tiles", "words"),
    [
        ([], "no tile yet"),
        (GOOD[:2], "from 2 sides"),
        ([tile("activity", metric_version=n) for n in (1, 2, 3)], "only activity, usage or cost"),
        ([tile(metric_version=1, is_value=False)], "only activity, usage or cost"),
        ([tile(inputs=frozenset({"tokens", "seats"}))], "without delivering anything"),
        ([*GOOD, GOOD[0]], "there twice"),
        ([tile(metric_version=n) for n in range(MOST_TILES + 1)], "nobody reads more"),
        ([*GOOD, tile(metric_version=4, standing="suspended")], "not approved there (suspended)"),
        ([*GOOD, tile(metric_version=4, standing=NO_STANDING)], "(nobody asked)"),
        ([*GOOD, tile(metric_version=4, standing="review_due")], "(review due)"),
    ],
)
def test_why_it_cannot_is_said(tiles: list[Tile], words: str) -> None:
    assert words in problems(tiles)


def test_a_dashboard_on_usage_alone_is_told_what_to_use_instead() -> None:
    assert "Held deliveries" in problems([tile("activity")])
    assert "serves no goal" in problems(GOOD, has_goal=False)


@pytest.mark.parametrize("standing", TRUST_ORDER)
def test_the_worst_tile_wins(standing: str) -> None:
    assert worst_standing([*GOOD, tile(standing=standing)]) == standing
    assert worst_standing([tile(standing=standing), tile(standing=NO_STANDING)]) == NO_STANDING


def test_every_standing_has_a_place_in_the_order() -> None:
    assert {*StandingStatus.values, NO_STANDING} == {str(each) for each in TRUST_ORDER}
