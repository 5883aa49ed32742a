"""Approvals that no longer hold: of values that were restated, of definitions that were changed."""

from __future__ import annotations

import datetime as dt

import structlog

from adoption.choices import SERVED_STATUSES, StandingStatus
from adoption.metric_guards import STANDING_KINDS
from adoption.models import MetricStanding, MetricVersion
from adoption.selectors.metric_values import digest_of
from portal.services.approvals import recheck

log = structlog.get_logger(__name__)
RESTATED = "restated_since_approval"


def recheck_standings(*, version: MetricVersion, at: dt.datetime) -> int:
    """Suspend what was approved on values that are no longer those; void what was only asked for.

    Called in the transaction that wrote values. Returns how many were suspended.
    """
    suspended = 0
    rows = MetricStanding.objects.select_for_update(of=("self",)).filter(metric_version=version)
    for standing in rows.order_by("pk"):
        standing.metric_version = version
        if is_void(standing):
            move(standing, StandingStatus.SUSPENDED, reason=RESTATED, at=at)
            suspended += 1
        for kind in STANDING_KINDS:
            recheck(kind=kind, subject=str(standing.pk), at=at)
    return suspended


def is_void(standing: MetricStanding) -> bool:
    if standing.status not in SERVED_STATUSES or standing.seen_until is None:
        return False
    now = digest_of(standing.metric_version, standing.scope_id, standing.seen_until)
    return now != standing.seen_sha256


def suspend_version(*, key: str, version: str, reason: str, at: dt.datetime) -> int:
    """Suspend a version everywhere; returns in how many scopes it was served."""
    count = 0
    rows = MetricStanding.objects.select_for_update(of=("self",)).filter(
        metric_version__key=key, metric_version__version=version, status__in=SERVED_STATUSES
    )
    for standing in rows.order_by("pk"):
        move(standing, StandingStatus.SUSPENDED, reason=reason, at=at)
        count += 1
    return count


def move(
    standing: MetricStanding, to: StandingStatus, *, reason: str, at: dt.datetime
) -> MetricStanding:
    """Write the next status; the caller holds the row and has checked that it may go there."""
    before = standing.status
    standing.status = to
    standing.status_reason = reason
    standing.status_since = at
    standing.version += 1
    standing.save()
    log.info("metric_standing_moved", standing=standing.pk, before=before, to=to.value)
    return standing
