"""Which version of a metric is served where, and who has approved exactly what."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from django.db.models import QuerySet, prefetch_related_objects

from adoption.choices import SERVED_STATUSES, StandingStatus
from adoption.metrics.registry import version_order
from adoption.models import FillWatermark, MetricStanding, MetricVersion
from adoption.policies import may_see_registry
from adoption.selectors.metric_scopes import ALL
from portal.policies import AnyUser

MAX_AGE = dt.timedelta(hours=26)
_KEY = re.compile(r"[A-Za-z0-9_.-]{1,80}")
_UNDECIDED = (StandingStatus.DRAFT, StandingStatus.PROPOSED)


def standings_visible_to(user: AnyUser) -> QuerySet[MetricStanding]:
    """All of them inside the organisation: how far a number is trusted is no secret."""
    rows = MetricStanding.objects.select_related(
        "metric_version", "owner", "approval", "approval__closed_by"
    )
    return rows if may_see_registry(user) else rows.none()


def is_key(text: str) -> bool:
    """Whether a metric could be called so; other texts are not taken to the database."""
    return _KEY.fullmatch(text) is not None


def versions_of(key: str) -> list[MetricVersion]:
    """Every version that was ever filled or proposed, newest first."""
    if not is_key(key):
        return []
    rows = MetricVersion.objects.filter(key=key)
    return sorted(rows, key=lambda row: version_order(row.version), reverse=True)


def standings_of(
    versions: Iterable[MetricVersion], user: AnyUser, *, bare: bool = False
) -> list[MetricStanding]:
    """Their standings, by scope.

    Args:
        bare: without the people behind them and their approvals, for whoever may not need them;
            `add_people` reads them afterwards.
    """
    rows = standings_visible_to(user).filter(metric_version__in=list(versions))
    if bare:
        rows = rows.select_related(None)
    return list(rows.order_by("metric_version", "scope_kind", "scope_id"))


def add_people(standings: Iterable[MetricStanding]) -> None:
    """Read for bare standings who owns and who approved them, in three queries."""
    prefetch_related_objects(list(standings), "owner", "approval__closed_by")


def standing_in(standings: Sequence[MetricStanding], scope_id: int) -> MetricStanding | None:
    """The one that holds in a scope: its own once it was decided, else that of the whole kind."""
    own = next((each for each in standings if each.scope_id == scope_id), None)
    whole = next((each for each in standings if each.scope_id == ALL), None)
    if own is None or (own.status in _UNDECIDED and whole is not None):
        return whole
    return own


def is_served(standing: MetricStanding | None) -> bool:
    """Whether the API answers with its values."""
    return standing is not None and standing.status in SERVED_STATUSES


def is_exported(standing: MetricStanding, *, now: dt.datetime) -> bool:
    """Whether its values leave as a file: with a certificate that has not ended."""
    return (
        standing.status in (StandingStatus.CERTIFIED, StandingStatus.DEPRECATED)
        and standing.certified_until is not None
        and standing.certified_until > now
    )


@dataclass(frozen=True, slots=True)
class Freshness:
    """Up to when the inputs of a version were looked at; None when they never were."""

    data_as_of: dt.datetime | None
    filled_until: dt.date | None
    is_stale: bool


def freshness_of(version: MetricVersion, *, now: dt.datetime) -> Freshness:
    """How fresh the values are: a fill that found nothing new makes them fresher too."""
    row = FillWatermark.objects.filter(metric_version=version).first()
    if row is None:
        return Freshness(None, None, is_stale=True)
    return Freshness(row.filled_at, row.filled_until, is_stale=now - row.filled_at > MAX_AGE)
