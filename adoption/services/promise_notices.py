"""Telling owners what became of their milestones and targets: once for each fact.

The key of a notice holds what was promised, so that the same fact is told once however often it is
measured and by however many workers, and a promise that was made anew is news again.
"""

from __future__ import annotations

import datetime as dt

from adoption.approvals import target_address, use_case_address
from adoption.choices import MilestoneEventKind, MilestoneRisk
from adoption.models import AdoptionTarget, Milestone
from adoption.models.promises import MeasuredPromise
from portal.models import User
from portal.services.notices import notify
from portal.shell.formats import date_text

AT_RISK = "at_risk"
MILESTONE_NOTICE = "adoption.milestone"
TARGET_NOTICE = "adoption.target"
_WORDS = {
    MilestoneEventKind.MISSED: "missed",
    MilestoneEventKind.RESTATED: "restated",
    AT_RISK: "at risk",
}


def tell_milestone(milestone: Milestone, what: str, *, note: str, at: dt.datetime) -> None:
    """Tell the owner of its use case; of what else happened than `_WORDS` nobody is told.

    The use case, its programme and its owner must be loaded.
    """
    if what not in _WORDS:
        return
    notify(
        users=[milestone.use_case.owner],
        key=_key(MILESTONE_NOTICE, milestone, what),
        title=f"Milestone {_WORDS[what]}: {milestone.title}",
        text=_text(milestone, what, note),
        link=f"{use_case_address(milestone.use_case.slug)}#milestones",
        at=at,
    )


def tell_target(target: AdoptionTarget, what: str, *, note: str, at: dt.datetime) -> None:
    """Tell whoever set it and the owner of the use case whose milestone it serves."""
    if what not in _WORDS:
        return
    told: set[User] = {target.created_by, target.milestone.use_case.owner}
    notify(
        users=told,
        key=_key(TARGET_NOTICE, target, what),
        title=f"Target {_WORDS[what]}: {target.title}",
        text=_text(target, what, note),
        link=target_address(target.pk),
        at=at,
    )


def _key(kind: str, row: MeasuredPromise, what: str) -> str:
    """One fact: this promise, this day, and for a restatement the day that no longer holds."""
    promised = f"{row.metric_key}:{row.comparator}{row.threshold_nano}:{row.due_on}"
    key = f"{kind}:{row.pk}:{what}:{promised}"
    if what == MilestoneEventKind.RESTATED and row.reached_at is not None:
        key = f"{key}:{row.reached_at:%Y%m%d}"
    return key[:200]


def _text(row: MeasuredPromise, what: str, note: str) -> str:
    if what != AT_RISK:
        return f"{note.rstrip('.')}."
    due = f"Due on {date_text(row.due_on)}."
    if row.risk == MilestoneRisk.FORECAST_LATE and row.forecast_on is not None:
        return f"{due} At its pace it is reached on {date_text(row.forecast_on)}."
    return f"{due} Its measure does not say so yet."
