"""Where a person must decide: what waits for approval, and promises that have run out."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from django.db.models import Max

from adoption.approvals import ATTESTATION_KIND, STAGE_KIND
from adoption.choices import MilestoneState, Stage
from adoption.models import Milestone, StageChange, UseCase
from adoption.selectors.use_cases import ENDED_STAGES, use_cases_visible_to
from portal.choices import ApprovalStatus
from portal.models import ApprovalRequest
from portal.policies import AnyUser
from portal.shell.formats import date_text
from portal.shell.periods import day_of

_RUNNING = (Stage.APPROVED, Stage.PILOT, Stage.LIVE)


@dataclass(frozen=True, slots=True)
class DecisionDue:
    """One decision that somebody must take: about which use case, and why now."""

    use_case: UseCase
    why: str


def decisions_due(
    user: AnyUser, *, now: datetime, owner_id: int | None = None
) -> list[DecisionDue]:
    """Decisions about use cases that run, by title; four queries, whatever their number.

    Due is one where a stage or an attestation waits for a second person; where a milestone was
    missed and no stage has changed since; and where no milestone is open: go on with a new
    promise, or stop.
    """
    cases = use_cases_visible_to(user).exclude(stage__in=ENDED_STAGES)
    if owner_id is not None:
        cases = cases.filter(owner_id=owner_id)
    found = list(cases.select_related("programme", "owner").order_by("title", "pk"))
    ids = [case.pk for case in found]
    promised = _by_state(ids)
    of_milestone = {
        str(each.pk): pk
        for pk, states in promised.items()
        for rows in states.values()
        for each in rows
    }
    waiting = _waiting(ids, of_milestone, now)
    decided = dict(
        StageChange.objects.filter(use_case_id__in=ids)
        .order_by()
        .values_list("use_case_id")
        .annotate(Max("decided_at"))
    )
    due: list[DecisionDue] = []
    for case in found:
        zone = ZoneInfo(case.programme.time_zone)
        last = day_of(decided[case.pk], zone) if case.pk in decided else None
        states = promised.get(case.pk, {})
        missed = [
            each
            for each in states.get(MilestoneState.MISSED, ())
            if last is None or each.due_on >= last
        ]
        if case.pk in waiting:
            due.append(DecisionDue(case, f"waits for a second person: {waiting[case.pk]}"))
        elif missed:
            one = missed[-1]
            due.append(
                DecisionDue(
                    case, f"“{one.title}” was missed on {date_text(one.due_on)}; go on or stop"
                )
            )
        elif case.stage in _RUNNING and states and MilestoneState.OPEN not in states:
            due.append(DecisionDue(case, "no promise is open; promise the next, or stop"))
    return due


def _waiting(ids: Iterable[int], of_milestone: dict[str, int], now: datetime) -> dict[int, str]:
    """By use case, the title of a request about it or about one of its milestones."""
    wanted = {str(pk): pk for pk in ids}
    found: dict[int, str] = {}
    for kind, subject, title in ApprovalRequest.objects.filter(
        status=ApprovalStatus.PENDING, kind__in=(STAGE_KIND, ATTESTATION_KIND), expires_at__gt=now
    ).values_list("kind", "subject", "title"):
        case = wanted.get(subject) if kind == STAGE_KIND else of_milestone.get(subject)
        if case is not None:
            found[case] = title
    return found


def _by_state(ids: Iterable[int]) -> dict[int, dict[str, list[Milestone]]]:
    """Milestones by use case and state, by due day."""
    found: dict[int, dict[str, list[Milestone]]] = {}
    for milestone in Milestone.objects.filter(use_case_id__in=list(ids)).order_by("due_on", "pk"):
        states = found.setdefault(milestone.use_case_id, {})
        states.setdefault(milestone.state, []).append(milestone)
    return found
