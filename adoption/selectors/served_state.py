"""What an answer with a metric's values rests on, told by counters in one query.

A program that asks again by its ETag is answered from this alone, so it must change whenever the
answer could: versions, how far each is trusted and by whom, values and how fresh they are, the same
of the metric's guardrails, names and families of scopes, and what kind of reader asks. It may
change more often than the answer does, never less often.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from django.db import connection

from adoption.choices import ScopeKind
from adoption.models import MetricStanding, MetricVersion
from adoption.selectors.metric_standings import MAX_AGE, is_key
from portal.choices import Role
from portal.models import User
from portal.planned import ask_planned

# What both databases have, joined to one text; the digest keeps long lists in the database.
_LISTED = "(SELECT MD5({joined}) FROM ({rows}) listed)"
_JOINED = {"postgresql": "STRING_AGG(said, '|')", "sqlite": "GROUP_CONCAT(said, '|')"}
_NOBODY = "NULL"  # equals nothing, so a list of it finds nothing
_PEOPLE = (
    "SELECT id || ' ' || username || ' ' || full_name AS said FROM portal_user"
    " WHERE id IN ({people}) ORDER BY id"
)
_SCOPES = {
    ScopeKind.PROGRAMME: "SELECT id || ' ' || slug || ' ' || name AS said FROM adoption_programme"
    " ORDER BY id",
    ScopeKind.USE_CASE: "SELECT id || ' ' || programme_id || ' ' || slug || ' ' || title AS said"
    " FROM adoption_usecase ORDER BY id",
    ScopeKind.TEAM: "SELECT id || ' ' || COALESCE(parent_id, 0) || ' ' || slug || ' ' || name"
    " AS said FROM adoption_team ORDER BY id",
    ScopeKind.SERVICE: "SELECT id || ' ' || repository_id || ' ' || name AS said"
    " FROM adoption_service ORDER BY id",
}
# One table each: what PostgreSQL needs for planning joins is more than what it needs for all this.
_VERSIONS = """
SELECT COUNT(*) || ' ' || COALESCE(MAX(id), 0) || ' ' || COALESCE(MAX(definition_sha256), '')
FROM adoption_metricversion WHERE key IN ({keys})
"""
_STANDINGS = """
SELECT COUNT(*) || ' ' || COALESCE(MAX(id), 0) || ' ' || COALESCE(SUM(version), 0) || ' '
    || COALESCE(SUM(owner_id), 0) || ' ' || COALESCE(SUM(approval_id), 0)
FROM adoption_metricstanding WHERE metric_version_id IN ({versions})
"""
_STATE = """
SELECT
    ({versions_of_keys}),
    ({standings}),
    (SELECT COUNT(*) FROM adoption_metricstanding
     WHERE metric_version_id IN ({versions}) AND certified_until > %s),
    (SELECT SUM(writes) FROM adoption_valuewrite WHERE metric_version_id IN ({versions})),
    (SELECT COUNT(*) FROM adoption_fillwatermark
     WHERE metric_version_id IN ({versions}) AND filled_at < %s),
    CASE WHEN EXISTS (SELECT 1 FROM portal_rolegrant WHERE user_id = %s AND role = %s)
      OR EXISTS (SELECT 1 FROM adoption_programme WHERE owner_id = %s)
      OR EXISTS (SELECT 1 FROM adoption_usecase WHERE owner_id = %s) THEN 1 ELSE 0 END,
    {lists}
"""


@dataclass(frozen=True, slots=True)
class _Rests:
    """What the values of one metric rest on, as it was read at some time.

    Attributes:
        seen: what versions and standings were like then; as long as they are, the rest holds.
        keys: the metric and its guardrails.
        query: of the state, with everything filled in but who asks and when.
    """

    seen: tuple[str, str]
    keys: tuple[str, ...]
    query: str


def served_state(key: str, *, viewer: User, at: dt.datetime) -> list[Any]:
    """What changes whenever the values of a metric, as this reader is shown them, do.

    Args:
        key: of the metric; one that nobody has heard of has a state too.
        at: now; values become stale and certificates end without anybody writing anything.
    """
    if not is_key(key):
        return []
    known = _rests(key)
    state = _ask(known, viewer, at)
    if tuple(state[:2]) != known.seen:
        _rests.cache_clear()
        state = _ask(_rests(key), viewer, at)
    return state


@lru_cache(maxsize=256)
def _rests(key: str) -> _Rests:
    """Kept in the process until the state says that versions or standings are others."""
    keys, versions = _versions(key)
    standings = list(
        MetricStanding.objects.filter(metric_version__in=versions).values_list(
            "pk", "version", "owner_id", "approval_id", "approval__closed_by_id"
        )
    )
    people = {pk for row in standings for pk in (row[2], row[4]) if pk is not None}
    placed = {
        "keys": ", ".join(["%s"] * len(keys)),
        "versions": _listed(each.pk for each in versions),
        "people": _listed(people),
    }
    said = [each.definition for each in versions if each.key == key]
    kinds = sorted({each["catalogue"]["scope"] for each in said if "catalogue" in each})
    rows = [_PEOPLE.format(**placed), *(_SCOPES[ScopeKind(kind)] for kind in kinds)]
    joined = _JOINED[connection.vendor]
    query = _STATE.format(
        versions_of_keys=_VERSIONS.format(**placed),
        standings=_STANDINGS.format(**placed),
        lists=", ".join(_LISTED.format(joined=joined, rows=each) for each in rows),
        **placed,
    )
    # As the query tells them, and of the very rows that were read: nothing can come in between.
    newest = max((each.pk for each in versions), default=0)
    digest = max((each.definition_sha256 for each in versions), default="")
    sums = [sum(row[place] or 0 for row in standings) for place in (1, 2, 3)]
    last = max((row[0] for row in standings), default=0)
    seen = (f"{len(versions)} {newest} {digest}", " ".join(map(str, (len(standings), last, *sums))))
    return _Rests(seen, keys, query)


def _versions(key: str) -> tuple[tuple[str, ...], list[MetricVersion]]:
    """A metric and whatever any version of it has for a guardrail; all versions of all of them."""
    keys = {key}
    while True:
        rows = list(MetricVersion.objects.filter(key__in=keys))
        said = [each.definition["catalogue"] for each in rows
                if each.key == key and "catalogue" in each.definition]  # fmt: skip
        wanted = {key}.union(*(each["guardrails"] for each in said))
        if wanted == keys:
            return tuple(sorted(keys)), rows
        keys = wanted


def _listed(numbers: Iterable[int]) -> str:
    return ", ".join(map(str, sorted(numbers))) or _NOBODY


def _ask(rests: _Rests, viewer: User, at: dt.datetime) -> list[Any]:
    moment, oldest = map(connection.ops.adapt_datetimefield_value, (at, at - MAX_AGE))
    who = (viewer.pk, Role.PROGRAMME_LEAD.value, viewer.pk, viewer.pk)
    return list(ask_planned(rests.query, [*rests.keys, moment, oldest, *who]))
