"""Two ways of measuring that this product does not have, to compare with. Pure.

A token leaderboard ranks by what was consumed. The tile "credits for each pull request" is computed
as it was found in use: credits are joined with every pull request and the sum divided by their
number, so that the number cancels out and the tile shows the credits.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal


def token_leaderboard(tokens: Mapping[str, int]) -> list[tuple[int, str, int]]:
    """Place, name and tokens, most tokens first; equal ones share a place."""
    ordered = sorted(tokens.items(), key=lambda each: (-each[1], each[0]))
    places = {name: 1 + sum(other > mine for other in tokens.values()) for name, mine in ordered}
    return [(places[name], name, mine) for name, mine in ordered]


def place_of(name: str, tokens: Mapping[str, int]) -> int:
    """The place of one name; 1 is the first."""
    return next(place for place, each, _ in token_leaderboard(tokens) if each == name)


def credits_per_pull_request(credits: Sequence[Decimal], pull_requests: int) -> Decimal | None:
    """The tile, with its fault: each credit row once for each pull request, over the number of
    pull requests."""
    if not pull_requests:
        return None
    joined = sum((each for each in credits for _ in range(pull_requests)), Decimal(0))
    return joined / pull_requests


def true_credits_per_pull_request(credits: Sequence[Decimal], pull_requests: int) -> Decimal | None:
    """What the tile says that it shows."""
    return sum(credits, Decimal(0)) / pull_requests if pull_requests else None
