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
    """Decisions about use cases that run, by title; five queries, whatever their number.

    Due is one where a stage or an attestation waits for a second person; where a milestone was
    missed and no stage has changed since; and where no milestone is open: go on with a new
    promise, or stop.
    """
    cases = use_cases_visible_to(user).exclude(stage__in=ENDED_STAGES)
    if owner_id is not None:
        cases = cases.filter(owner_id=owner_id)
    found = list(cases.select_related("programme", "owner").order_by("title", "pk"))
    ids = [case.pk for case in found]
    waiting = _waiting(ids, now)
    missed, with_open, with_any = _milestones(ids)
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
        open_missed = [m for m in missed.get(case.pk, ()) if last is None or m.due_on >= last]
        if case.pk in waiting:
            due.append(DecisionDue(case, f"waits for a second person: {waiting[case.pk]}"))
        elif open_missed:
            one = open_missed[-1]
            due.append(
                DecisionDue(
                    case, f"“{one.title}” was missed on {date_text(one.due_on)}; go on or stop"
                )
            )
        elif case.stage in _RUNNING and case.pk in with_any and case.pk not in with_open:
            due.append(DecisionDue(case, "no promise is open; promise the next, or stop"))
    return due


def _waiting(ids: Iterable[int], now: datetime) -> dict[int, str]:
    """By use case, the title of a request that waits."""
    wanted = {str(pk): pk for pk in ids}
    of_milestone = {
        str(pk): case
        for pk, case in Milestone.objects.filter(
            use_case_id__in=list(wanted.values()), kind="attested"
        ).values_list("pk", "use_case_id")
    }
    found: dict[int, str] = {}
    for kind, subject, title in ApprovalRequest.objects.filter(
        status=ApprovalStatus.PENDING, kind__in=(STAGE_KIND, ATTESTATION_KIND), expires_at__gt=now
    ).values_list("kind", "subject", "title"):
        case = wanted.get(subject) if kind == STAGE_KIND else of_milestone.get(subject)
        if case is not None:
            found[case] = title
    return found


def _milestones(ids: Iterable[int]) -> tuple[dict[int, list[Milestone]], set[int], set[int]]:
    """Missed ones by use case, and which use cases have an open one, and any at all."""
    missed: dict[int, list[Milestone]] = {}
    with_open: set[int] = set()
    with_any: set[int] = set()
    for milestone in Milestone.objects.filter(use_case_id__in=list(ids)).order_by("due_on", "pk"):
        with_any.add(milestone.use_case_id)
        if milestone.state == MilestoneState.MISSED:
            missed.setdefault(milestone.use_case_id, []).append(milestone)
        elif milestone.state == MilestoneState.OPEN:
            with_open.add(milestone.use_case_id)
    return missed, with_open, with_any
