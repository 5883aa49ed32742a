"""Keeping which commits say that they repeat which."""

from __future__ import annotations

from collections.abc import Iterable

from adoption.models import CherryPick, Repository


def save_picks(repository: Repository, picks: Iterable[tuple[str, str]]) -> None:
    """Add pairs of a commit and the one that it repeats; those that are known stay."""
    rows = [
        CherryPick(repository=repository, sha=sha, picked_from=other)
        for sha, other in dict.fromkeys(picks)
        if sha != other
    ]
    if rows:
        CherryPick.objects.bulk_create(rows, batch_size=500, ignore_conflicts=True)
