"""What an answer with a metric's values rests on, told by counters in one query.

A program that asks again by its ETag is answered from this alone, so it must change whenever the
answer could: versions, how far each is trusted and by whom, values and how fresh they are, the same
of the metric's guardrails, names and families of scopes, and what kind of reader asks. It may
change more often than the answer does, never less often.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from django.db import connection

from adoption.choices import ScopeKind
from adoption.models import MetricVersion
from adoption.selectors.metric_standings import MAX_AGE, is_key
from portal.choices import Role
from portal.models import User

# What both databases have, joined to one text. The digests keep long lists in the database.
_LISTED = "(SELECT MD5({joined}) FROM ({rows}) listed)"
_JOINED = {"postgresql": "STRING_AGG(said, '|')", "sqlite": "GROUP_CONCAT(said, '|')"}
_STANDINGS = """
SELECT s.id || ' ' || s.version || ' ' || owner.username || ' ' || owner.full_name || ' '
    || COALESCE(closer.username || ' ' || closer.full_name, '') || ' '
    || CASE WHEN s.certified_until > %s THEN 1 ELSE 0 END AS said
FROM adoption_metricstanding s
JOIN adoption_metricversion v ON v.id = s.metric_version_id
JOIN portal_user owner ON owner.id = s.owner_id
LEFT JOIN portal_approvalrequest a ON a.id = s.approval_id
LEFT JOIN portal_user closer ON closer.id = a.closed_by_id
WHERE v.key IN ({keys}) ORDER BY s.id
"""
_SCOPES = {
    ScopeKind.PROGRAMME: "SELECT id || ' ' || slug || ' ' || name AS said FROM adoption_programme"
    " ORDER BY id",
    ScopeKind.USE_CASE: "SELECT id || ' ' || programme_id || ' ' || slug || ' ' || title AS said"
    " FROM adoption_usecase ORDER BY id",
    ScopeKind.TEAM: "SELECT id || ' ' || COALESCE(parent_id, 0) || ' ' || slug || ' ' || name"
    " AS said FROM adoption_team ORDER BY id",
    ScopeKind.SERVICE: "SELECT id || ' ' || COALESCE(repository_id, 0) || ' ' || name AS said"
    " FROM adoption_service ORDER BY id",
}
_STATE = """
SELECT
    (SELECT COUNT(*) || ' ' || COALESCE(MAX(definition_sha256), '')
     FROM adoption_metricversion WHERE key = %s),
    (SELECT COUNT(*) FROM adoption_metricversion WHERE key IN ({keys})),
    (SELECT SUM(w.writes) FROM adoption_valuewrite w
     JOIN adoption_metricversion v ON v.id = w.metric_version_id WHERE v.key IN ({keys})),
    (SELECT COUNT(*) FROM adoption_fillwatermark w
     JOIN adoption_metricversion v ON v.id = w.metric_version_id
     WHERE v.key IN ({keys}) AND w.filled_at < %s),
    CASE WHEN EXISTS (SELECT 1 FROM portal_rolegrant WHERE user_id = %s AND role = %s)
      OR EXISTS (SELECT 1 FROM adoption_programme WHERE owner_id = %s)
      OR EXISTS (SELECT 1 FROM adoption_usecase WHERE owner_id = %s) THEN 1 ELSE 0 END,
    {lists}
"""


@dataclass(frozen=True, slots=True)
class _Rests:
    """Which metrics an answer rests on, the kinds of scope that it names, and the versions of the
    metric that say so (how many, and the greatest of their digests)."""

    versions: str
    keys: tuple[str, ...]
    kinds: tuple[str, ...]


def served_state(key: str, *, viewer: User, at: dt.datetime) -> list[Any]:
    """What changes whenever the values of a metric, as this reader is shown them, do.

    Args:
        key: of the metric; one that nobody has heard of has a state too.
        at: now; values become stale and certificates end without anybody writing anything.
    """
    if not is_key(key):
        return []
    rests = _rests(key)
    row = _ask(key, rests, viewer, at)
    if row[0] != rests.versions:
        _rests.cache_clear()
        row = _ask(key, _rests(key), viewer, at)
    return row


@lru_cache(maxsize=256)
def _rests(key: str) -> _Rests:
    """Kept in the process: definitions are never changed, there are only more of them."""
    rows = list(MetricVersion.objects.filter(key=key))
    said = [each.definition["catalogue"] for each in rows if "catalogue" in each.definition]
    newest = max((each.definition_sha256 for each in rows), default="")
    return _Rests(
        versions=f"{len(rows)} {newest}",
        keys=tuple(sorted({key}.union(*(each["guardrails"] for each in said)))),
        kinds=tuple(sorted({each["scope"] for each in said})),
    )


def _ask(key: str, rests: _Rests, viewer: User, at: dt.datetime) -> list[Any]:
    keys = ", ".join(["%s"] * len(rests.keys))
    joined = _JOINED[connection.vendor]
    rows = [_STANDINGS.format(keys=keys), *(_SCOPES[ScopeKind(kind)] for kind in rests.kinds)]
    lists = ", ".join(_LISTED.format(joined=joined, rows=each) for each in rows)
    moment, oldest = map(connection.ops.adapt_datetimefield_value, (at, at - MAX_AGE))
    parameters = [
        *(key, *rests.keys, *rests.keys, *rests.keys, oldest),
        *(viewer.pk, Role.PROGRAMME_LEAD.value, viewer.pk, viewer.pk),
        *(moment, *rests.keys),
    ]
    with connection.cursor() as cursor:
        cursor.execute(_STATE.format(keys=keys, lists=lists), parameters)
        found = cursor.fetchone()
    return list(found)
