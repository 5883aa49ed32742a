"""How much is known about AI in what the linked repositories delivered, for many use cases."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

from django.db import connection

from adoption.choices import Strength
from adoption.models import Change, RepositoryLink
from portal.imports.staging import database_time
from portal.shell.periods import day_start

# Seen or said; `inferred` is a guess and covers nothing.
COVERING_STRENGTHS = (
    Strength.AUTONOMOUS,
    Strength.ASSISTED,
    Strength.SUGGESTION,
    Strength.DECLARED,
)
_PIECES_AT_ONCE = 8_000
_OPEN = dt.datetime.max.replace(tzinfo=dt.UTC)  # where a link without an end ends


@dataclass(frozen=True, slots=True)
class EvidenceCoverage:
    """How much is known about AI in the delivered changes of the linked repositories.

    Formula: of the changes that were merged on a day of a link (cut in the programme's zone) into
    the linked repository and have been delivered to production, `covered` carry evidence that was
    seen or declared (autonomous, assisted, suggestion, declared), `inferred` only a guess, and the
    rest none. None means *unknown*, not *written without AI*.
    """

    delivered: int = 0
    covered: int = 0
    inferred: int = 0

    def __add__(self, other: EvidenceCoverage) -> EvidenceCoverage:
        return EvidenceCoverage(
            self.delivered + other.delivered,
            self.covered + other.covered,
            self.inferred + other.inferred,
        )

    @property
    def unknown(self) -> int:
        return self.delivered - self.covered - self.inferred

    @property
    def share(self) -> float | None:
        """`covered / delivered`; None when nothing has been delivered."""
        return self.covered / self.delivered if self.delivered else None


@dataclass(frozen=True, slots=True)
class Reach:
    """The changes of one link: its repository from one UTC moment up to, not including, another."""

    repository_id: int
    from_at: dt.datetime
    to_at: dt.datetime


def _reach(repository_id: int, starts_on: dt.date, ends_on: dt.date | None, zone: str) -> Reach:
    place = ZoneInfo(zone)
    return Reach(
        repository_id,
        day_start(starts_on, place).astimezone(dt.UTC),
        _OPEN if ends_on is None else day_start(ends_on, place).astimezone(dt.UTC),
    )


def pieces_of(reaches: Iterable[Reach]) -> dict[Reach, list[Reach]]:
    """Each reach as pieces without overlap, which it may share with others of its repository.

    Use cases often share a repository from nearly the same moment on, and most of its changes then
    lie in the one piece that they have in common.
    """
    by_repository: dict[int, set[Reach]] = defaultdict(set)
    for reach in reaches:
        by_repository[reach.repository_id].add(reach)
    found: dict[Reach, list[Reach]] = {}
    for repository_id, members in by_repository.items():
        moments = sorted({moment for each in members for moment in (each.from_at, each.to_at)})
        pieces = [Reach(repository_id, *ends) for ends in pairwise(moments)]
        for each in members:
            found[each] = [
                piece
                for piece in pieces
                if each.from_at <= piece.from_at and piece.to_at <= each.to_at
            ]
    return found


def _counts(pieces: Sequence[Reach]) -> dict[Reach, EvidenceCoverage]:
    """Delivered changes of each piece, in one query that an index answers alone.

    An export of everything may need another query: SQLite takes 32,766 values in one.
    """
    found: dict[Reach, EvidenceCoverage] = {}
    for start in range(0, len(pieces), _PIECES_AT_ONCE):
        found |= _counted(pieces[start : start + _PIECES_AT_ONCE])
    return found


def _counted(pieces: Sequence[Reach]) -> dict[Reach, EvidenceCoverage]:
    # Written as SQL: the pieces are rows to join with, which the ORM cannot be given.
    rows = ", ".join(["(%s, %s, %s, %s)"] * len(pieces))
    values: list[Any] = []
    for number, each in enumerate(pieces):
        values += [number, each.repository_id, *map(database_time, (each.from_at, each.to_at))]
    found = [EvidenceCoverage()] * len(pieces)
    with connection.cursor() as cursor:
        cursor.execute(
            f"WITH piece(number, repository_id, from_at, to_at) AS (VALUES {rows}) "  # noqa: S608  (names of our own)
            "SELECT piece.number, change.strength, COUNT(*) FROM piece "
            f"JOIN {Change._meta.db_table} change ON change.repository_id = piece.repository_id "
            "AND change.merged_at >= piece.from_at AND change.merged_at < piece.to_at "
            "WHERE change.delivered_at IS NOT NULL GROUP BY piece.number, change.strength",
            values,
        )
        for number, strength, count in cursor.fetchall():
            found[number] += EvidenceCoverage(
                count,
                count if strength in COVERING_STRENGTHS else 0,
                count if strength == Strength.INFERRED else 0,
            )
    return dict(zip(pieces, found, strict=True))


def evidence_coverage(use_case_ids: Iterable[int]) -> Mapping[int, EvidenceCoverage]:
    """Coverage by use case, in two queries; use cases without a linked repository are left out."""
    rows = RepositoryLink.objects.filter(use_case_id__in=list(use_case_ids)).values_list(
        "use_case_id", "repository_id", "starts_on", "ends_on", "use_case__programme__time_zone"
    )
    links = [
        (use_case_id, _reach(repository_id, starts_on, ends_on, zone))
        for use_case_id, repository_id, starts_on, ends_on, zone in rows
    ]
    pieces_by_reach = pieces_of(reach for _, reach in links)
    counts = _counts(list({piece for each in pieces_by_reach.values() for piece in each}))
    found: dict[int, EvidenceCoverage] = {}
    for use_case_id, reach in links:
        for piece in pieces_by_reach[reach]:
            found[use_case_id] = found.get(use_case_id, EvidenceCoverage()) + counts[piece]
    return found
