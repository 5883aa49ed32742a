"""Metric values on pages: certified, restated, withheld, never approved, and two versions."""

from __future__ import annotations

import datetime as dt
from typing import Any

from adoption.choices import StandingStatus
from adoption.metrics.registry import metrics
from adoption.models import MetricStanding, MetricValue, MetricVersion, Programme
from adoption.services.metric_filling import fill_metrics
from adoption.services.metric_standings import open_standing, request_standing
from portal.choices import ApprovalOutcome, Role
from portal.models import RoleGrant, User
from portal.services.approvals import decide
from portal.shell.money import NANO_PER_UNIT

KEY = "held_deliveries"
MONTHS = 12


def make_metrics(now: dt.datetime, programme: Programme, **made: Any) -> dict[str, Any]:
    """A year of values of the programme with gaps and small groups, approved by a second person."""
    fill_metrics(at=now, keys=[KEY])
    version = MetricVersion.objects.get(key=KEY)
    newest = MetricValue.objects.filter(metric_version=version, scope_id=programme.pk)
    taken = set(newest.values_list("window_starts_on", flat=True))
    day = dt.date(now.year, now.month, 1)
    for back in range(1, MONTHS + 1):
        starts_on = _months_before(day, back)
        if starts_on not in taken:
            _value(version, programme, starts_on, _months_before(day, back - 1), back, now)
    owner = _person("metric-owner", "Milo Owner", now)
    approver = _person("metric-approver", "Abe Approver", now, Role.APPROVER)
    standing = open_standing(
        key=KEY, version=version.version, scope_id=programme.pk, owner=owner, actor=owner, at=now
    )
    for to in (StandingStatus.APPROVED, StandingStatus.CERTIFIED):
        _approve(standing, to, approver, now)
    draft = open_standing(
        key="ai_production_deployments",
        version=metrics.get("ai_production_deployments").version,
        scope_id=0,
        owner=owner,
        actor=owner,
        at=now,
    )
    value = MetricValue.objects.filter(metric_version=version, contributors__gte=10).first()
    small = MetricValue.objects.filter(metric_version=version, contributors__lt=5).first()
    return {
        "metric_standing": MetricStanding.objects.get(pk=standing.pk),
        "metric_draft": draft,
        "metric_value": value,
        "metric_small": small,
    }


def _person(username: str, name: str, now: dt.datetime, *roles: Role) -> User:
    person = User.objects.create_user(username=username, full_name=name)
    for role in roles:
        RoleGrant.objects.create(user=person, role=role, granted_at=now - dt.timedelta(days=90))
    return person


def _months_before(day: dt.date, months: int) -> dt.date:
    index = day.year * 12 + day.month - 1 - months
    return dt.date(index // 12, index % 12 + 1, 1)


def _value(
    version: MetricVersion,
    programme: Programme,
    starts_on: dt.date,
    ends_on: dt.date,
    back: int,
    now: dt.datetime,
) -> None:
    """Most months have a value, one has no data and one a small group."""
    has_data, people = back % 5 != 0, 3 if back % 7 == 0 else 14
    amount = (7 * back) % 11 + 2
    MetricValue.objects.create(
        metric_version=version,
        scope_kind="programme",
        scope_id=programme.pk,
        window_starts_on=starts_on,
        window_ends_on=ends_on,
        zone=programme.time_zone,
        value_nano=amount * NANO_PER_UNIT if has_data else None,
        reason="" if has_data else "no_data",
        n=amount if has_data else 0,
        contributors=people if has_data else None,
        interval_low_nano=(amount - 2) * NANO_PER_UNIT if has_data else None,
        interval_high_nano=(amount + 3) * NANO_PER_UNIT if has_data else None,
        interval_method="poisson" if has_data else "",
        interval_level_percent=95 if has_data else None,
        coverage_nano=NANO_PER_UNIT * (10 - back % 4) // 10,
        status="restated" if back == 3 else "final",
        facts='{"contributors":14,"deliveries":[4711,4712]}',
        facts_sha256=f"{back:064x}",
        data_as_of=now,
        computed_at=now,
    )


def _approve(
    standing: MetricStanding, to: StandingStatus, approver: User, now: dt.datetime
) -> None:
    request = request_standing(standing_id=standing.pk, to=to, actor=standing.owner, at=now)
    decide(
        request_id=request.pk,
        approver=approver,
        outcome=ApprovalOutcome.APPROVE,
        seen_hash=request.content_hash,
        reason="",
        at=now,
    )
