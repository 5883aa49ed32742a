"""What a dashboard must be before anybody is asked to approve it. Pure: tiles in, sentences out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from adoption.choices import StandingStatus, TileKind
from adoption.metrics.contracts import Dimension
from adoption.metrics.registry import USAGE_INPUTS

MOST_TILES = 24
FEWEST_DIMENSIONS = 3
TRUSTED = (StandingStatus.CERTIFIED, StandingStatus.APPROVED)
# From the best to the worst; no standing at all is worse than any.
NO_STANDING = "none"
TRUST_ORDER = (
    StandingStatus.CERTIFIED,
    StandingStatus.APPROVED,
    StandingStatus.REVIEW_DUE,
    StandingStatus.PROPOSED,
    StandingStatus.DRAFT,
    StandingStatus.SUSPENDED,
    StandingStatus.DEPRECATED,
    StandingStatus.RETIRED,
    NO_STANDING,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tile:
    """One tile, as rules and pages know it.

    Attributes:
        metric_version: key of the MetricVersion; `metric` and `version` say which that is.
        dimension: of SPACE; empty when the code no longer has the version.
        is_value: whether more of it is claimed to be good; a cost or a context is not.
        inputs: what the metric rests on.
        standing: of the version in the tile's scope, or `none`.
    """

    kind: TileKind
    title: str
    metric_version: int
    metric: str
    version: str
    label: str
    unit: str
    definition_sha256: str
    scope_kind: str
    scope_id: int
    scope_name: str
    dimension: str
    is_value: bool
    inputs: frozenset[str]
    standing: str

    @property
    def asked(self) -> tuple[int, str, int]:
        return (self.metric_version, self.scope_kind, self.scope_id)

    @property
    def name(self) -> str:
        """What it is called on pages: its own title, or metric and scope."""
        return self.title or f"{self.label}: {self.scope_name}"

    def measures_an_outcome(self) -> bool:
        """Whether it says what came of the work, not how much was done or spent."""
        is_usage = bool(self.inputs) and self.inputs <= USAGE_INPUTS
        return self.is_value and self.dimension not in ("", Dimension.ACTIVITY) and not is_usage


def worst_standing(tiles: Sequence[Tile]) -> str:
    """The worst wins: a dashboard is trusted no further than its least trusted tile."""
    return str(max((tile.standing for tile in tiles), key=_rank, default=NO_STANDING))


def _rank(standing: str) -> int:
    return TRUST_ORDER.index(standing)


def problems_of(tiles: Sequence[Tile], *, has_goal: bool, outcomes: Sequence[str]) -> list[str]:
    """Why it cannot be submitted; empty when it can.

    Args:
        outcomes: labels of outcome metrics of the catalogue, to suggest.
    """
    found = []
    if not has_goal:
        found.append("It serves no goal: choose the milestone that it helps to reach.")
    if not tiles:
        return [*found, "It has no tile yet."]
    if len(tiles) > MOST_TILES:
        found.append(f"It has {len(tiles)} tiles; nobody reads more than {MOST_TILES}.")
    found += _same_twice(tiles)
    if not any(tile.measures_an_outcome() for tile in tiles):
        instead = ", ".join(outcomes[:3]) or "an outcome of the catalogue"
        found.append(
            "It shows only activity, usage or cost. Anybody can raise those without delivering "
            f"anything, so nothing can be decided by them. Add an outcome, for example: {instead}."
        )
    found += _dimension_problems(tiles)
    found += [
        f"“{tile.name}”: {tile.metric} {tile.version} is not approved there "
        f"({tile.standing.replace('_', ' ') if tile.standing != NO_STANDING else 'nobody asked'})."
        for tile in tiles
        if tile.standing not in TRUSTED
    ]
    return found


def _same_twice(tiles: Sequence[Tile]) -> list[str]:
    seen: set[tuple[object, ...]] = set()
    found = []
    for tile in tiles:
        key = (*tile.asked, tile.kind)
        if key in seen:
            found.append(f"“{tile.name}” is there twice.")
        seen.add(key)
    return found


def _dimension_problems(tiles: Sequence[Tile]) -> list[str]:
    known = {tile.dimension for tile in tiles if tile.dimension}
    if len(known) >= FEWEST_DIMENSIONS:
        return []
    missing = ", ".join(each.value for each in Dimension if each.value not in known)
    sides = "1 side" if len(known) == 1 else f"{len(known)} sides"
    have = ", ".join(sorted(known)) or "none"
    return [
        f"It looks from {sides} ({have}) and needs {FEWEST_DIMENSIONS} of SPACE, so "
        f"that no side is bettered at the cost of another. Not looked at: {missing}."
    ]
