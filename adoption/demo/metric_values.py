"""The demo's metric values: filled, a few approved and certified by other people, one waiting."""

from __future__ import annotations

from datetime import timedelta

from adoption.choices import StandingStatus
from adoption.metrics.registry import computed_versions, metrics
from adoption.models import MetricStanding
from adoption.selectors.metric_scopes import ALL
from adoption.selectors.metric_standings import versions_of
from adoption.selectors.metric_values import settled_until, values_of
from adoption.services.metric_filling import fill_metrics
from adoption.services.metric_standings import open_standing, request_standing
from portal.choices import ApprovalOutcome, Role
from portal.demo import DemoContext
from portal.models import ApprovalRequest, RoleGrant
from portal.services.approvals import decide

_CERTIFIED, _APPROVED, _PROPOSED = 4, 3, 1


def build_standings(context: DemoContext) -> None:
    """Fill every metric there is, and take those with shown values through their lifecycle.

    Whichever metrics are installed: the first few with a settled value that may be shown to all
    are certified, the next approved, one waits in the inbox and the others stay drafts.
    """
    context.say("Metric values and their approvals")
    if MetricStanding.objects.exists():
        return  # a later start is quick: the hourly job fills what has become due
    fill_metrics(at=context.now)
    wanted = [metric.key for metric in metrics if computed_versions(metric) and _shows(metric.key)]
    for place, key in enumerate(wanted):
        standing = open_standing(
            key=key, version=metrics.get(key).version, scope_id=ALL,
            owner=context.people["lead"], actor=context.people["lead"], at=context.now,
        )  # fmt: skip
        if place >= _CERTIFIED + _APPROVED + _PROPOSED:
            break
        request = _ask(context, standing, StandingStatus.APPROVED)
        if place >= _CERTIFIED + _APPROVED:
            continue
        _approve(context, request)
        if place < _CERTIFIED:
            _approve(context, _ask(context, standing, StandingStatus.CERTIFIED))


def _shows(key: str) -> bool:
    """Whether there is anything to approve: a settled value that is no small group's."""
    newest = versions_of(key)[:1]
    return any(
        settled_until(version, ALL) is not None
        and any(value.nano is not None for value in values_of(version, viewer=None))
        for version in newest
    )


def _ask(context: DemoContext, standing: MetricStanding, to: StandingStatus) -> ApprovalRequest:
    return request_standing(
        standing_id=standing.pk, to=to, actor=context.people["lead"],
        reason="For the steering group's report.", at=context.now - timedelta(minutes=2),
    )  # fmt: skip


def _approve(context: DemoContext, request: ApprovalRequest) -> None:
    """By whoever of the demo holds a role that may: finance for money, else the approver."""
    roles = [Role(role) for role in request.approver_roles.strip("|").split("|")]
    holders = set(RoleGrant.objects.filter(role__in=roles).values_list("user_id", flat=True))
    approver = next(
        person for name in ("approver", "finance") if (person := context.people[name]).pk in holders
    )
    decide(
        request_id=request.pk, approver=approver, outcome=ApprovalOutcome.APPROVE,
        seen_hash=request.content_hash, reason="", at=context.now,
    )  # fmt: skip
