"""How far a metric version is trusted in a scope: moved by approvals, by people and by time.

`draft → proposed → approved → certified → review due → deprecated → retired`, and `suspended`. Up
goes by another person's approval only; to suspend, deprecate or retire is the safe direction.
"""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

from django.db import transaction

from adoption.choices import APPROVED_STATUSES, SERVED_STATUSES, StandingStatus
from adoption.metric_guards import STANDING_KINDS
from adoption.metrics.registry import computed_versions, metrics
from adoption.models import MetricStanding
from adoption.selectors.metric_scopes import ALL, house_zone, scopes_of
from adoption.selectors.metric_values import settled_until
from adoption.services.metric_approvals import MAY_BECOME, kind_for
from adoption.services.metric_rechecks import RESTATED, is_void, move
from adoption.services.metric_versions import metric_version_of
from adoption.services.refusals import RefusedError
from portal.approvals.errors import ApprovalRefusedError
from portal.models import ApprovalRequest, User
from portal.selectors.pending_approvals import pending_request
from portal.services.approvals import recheck, request_approval
from portal.shell.periods import day_of

REVIEW_WITHIN = dt.timedelta(days=30)


class StandingRefusedError(RefusedError):
    """The metric cannot be moved like this; `reason` says what is possible."""


@transaction.atomic
def open_standing(
    *, key: str, version: str, scope_id: int, owner: User, actor: User, at: dt.datetime
) -> MetricStanding:
    """A draft: who answers for this version of a metric in this scope (0: in all of its kind).

    Raises:
        StandingRefusedError: there is no such version or scope, or somebody owns it already.
        DefinitionChangedError: the definition reads otherwise than when it was first seen.
    """
    known = {each.version: each for each in computed_versions(metrics.get(key))}
    if version not in known:
        raise StandingRefusedError("There is no such version.", field="version")
    metric = known[version]
    kind = metric.windowed.scope if metric.windowed else ""
    if scope_id != ALL and scope_id not in scopes_of(kind, [scope_id]):
        raise StandingRefusedError("There is no such scope.", field="scope")
    row = metric_version_of(metric, at=at)
    standing, is_new = MetricStanding.objects.get_or_create(
        metric_version=row,
        scope_kind=kind,
        scope_id=scope_id,
        defaults={"owner": owner, "status_since": at, "needs_finance": metric.unit == "money"},
    )
    if not is_new:
        raise StandingRefusedError(
            f"{standing.owner} answers for it in this scope already.", field="scope"
        )
    return standing


@transaction.atomic
def request_standing(
    *, standing_id: int, to: str, reason: str = "", actor: User, at: dt.datetime
) -> ApprovalRequest:
    """Ask a second person to approve or certify it, on all values that are settled by now.

    Raises:
        StandingRefusedError: it cannot get there, no value is settled yet, or somebody has asked.
    """
    standing = _locked(standing_id)
    target = StandingStatus(to)
    if standing.status not in MAY_BECOME.get(target, ()):
        raise StandingRefusedError(
            f"From “{standing.get_status_display()}” a metric cannot become “{target.label}”."
        )
    until = settled_until(standing.metric_version, standing.scope_id)
    if until is None:
        raise StandingRefusedError(
            "No value has settled yet, so there is nothing to look at. Ask again once a whole "
            "window is over and has matured."
        )
    if standing.status == StandingStatus.DRAFT:
        move(standing, StandingStatus.PROPOSED, reason="", at=at)
    try:
        return request_approval(
            kind=kind_for(standing, target),
            subject=str(standing.pk),
            payload={"to": target.value, "until": until.isoformat()},
            reason=reason,
            actor=actor,
            at=at,
        )
    except ApprovalRefusedError as error:
        raise StandingRefusedError(error.reason) from error


def suspend_standing(
    *, standing_id: int, reason: str, actor: User, at: dt.datetime
) -> MetricStanding:
    """Serve it no more until somebody has approved it again; at once, by one person.

    Raises:
        StandingRefusedError: it is not served, or no reason is given.
    """
    return _down(standing_id, StandingStatus.SUSPENDED, reason=reason, sunset_on=None, at=at)


def deprecate_standing(
    *, standing_id: int, reason: str, sunset_on: dt.date, actor: User, at: dt.datetime
) -> MetricStanding:
    """Announce its last day; until then it is served and says so.

    Raises:
        StandingRefusedError: it is not served, no reason is given, or the day is not to come.
    """
    if sunset_on <= day_of(at, ZoneInfo(house_zone())):
        raise StandingRefusedError("Its last day must lie ahead.", field="sunset_on")
    return _down(standing_id, StandingStatus.DEPRECATED, reason=reason, sunset_on=sunset_on, at=at)


@transaction.atomic
def retire_standing(
    *, standing_id: int, reason: str, actor: User, at: dt.datetime
) -> MetricStanding:
    """End it for good; its values and approvals stay on record.

    Raises:
        StandingRefusedError: it has ended, or no reason is given.
    """
    standing = _locked(standing_id)
    if standing.status == StandingStatus.RETIRED:
        raise StandingRefusedError("It is retired already.")
    return _moved(standing, StandingStatus.RETIRED, reason, at)


@transaction.atomic
def _down(
    standing_id: int, to: StandingStatus, *, reason: str, sunset_on: dt.date | None, at: dt.datetime
) -> MetricStanding:
    standing = _locked(standing_id)
    if standing.status not in SERVED_STATUSES:
        raise StandingRefusedError(
            f"It is “{standing.get_status_display()}”, so it is not served anyway."
        )
    standing.sunset_on = sunset_on or standing.sunset_on
    return _moved(standing, to, reason, at)


def _moved(
    standing: MetricStanding, to: StandingStatus, reason: str, at: dt.datetime
) -> MetricStanding:
    if not reason.strip():
        raise StandingRefusedError(
            "Say why: whoever uses the figure wants to know.", field="reason"
        )
    move(standing, to, reason=reason.strip(), at=at)
    for kind in STANDING_KINDS:
        recheck(kind=kind, subject=str(standing.pk), at=at)
    return standing


def _locked(standing_id: int) -> MetricStanding:
    return (
        MetricStanding.objects.select_for_update(of=("self",))
        .select_related("metric_version", "owner")
        .get(pk=standing_id)
    )


def review_standings(*, at: dt.datetime) -> int:
    """What the passing of time makes of standings. Repeating it changes nothing.

    Returns how many steps were made.
    """
    ended = (StandingStatus.DRAFT, StandingStatus.SUSPENDED, StandingStatus.RETIRED)
    keys = MetricStanding.objects.exclude(status__in=ended).values_list("pk", flat=True)
    return sum(_review(pk, at) for pk in list(keys.order_by("pk")))


@transaction.atomic
def _review(standing_id: int, at: dt.datetime) -> int:
    standing = _locked(standing_id)
    steps = 0
    while (step := _next_step(standing, at)) is not None:
        to, reason = step
        move(standing, to, reason=reason, at=at)
        steps += 1
    if steps:
        for kind in STANDING_KINDS:
            recheck(kind=kind, subject=str(standing.pk), at=at)
    return steps


def _next_step(standing: MetricStanding, at: dt.datetime) -> tuple[StandingStatus, str] | None:
    status = standing.status
    if is_void(standing):
        return StandingStatus.SUSPENDED, RESTATED
    if status == StandingStatus.PROPOSED and not any(
        pending_request(kind, str(standing.pk)) for kind in STANDING_KINDS
    ):
        return StandingStatus.DRAFT, "request_closed"
    end = standing.valid_until
    if end is not None and end <= at:
        if status in APPROVED_STATUSES:
            return StandingStatus.REVIEW_DUE, "expired"
        if status == StandingStatus.REVIEW_DUE and end + REVIEW_WITHIN <= at:
            return StandingStatus.SUSPENDED, "review_missed"
    sunset = standing.sunset_on
    is_over = sunset is not None and sunset <= day_of(at, ZoneInfo(house_zone()))
    if status == StandingStatus.DEPRECATED and is_over:
        return StandingStatus.RETIRED, "sunset"
    return None
