"""Lines of the milestone log, in words that stay readable when the milestone is gone."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

from adoption.choices import MilestoneEventKind, MilestoneKind
from adoption.metrics.registry import metrics
from adoption.metrics.wording import threshold_text
from adoption.models import Milestone, MilestoneEvent
from portal.models import User
from portal.shell.formats import date_text
from portal.shell.periods import day_of


def make_event(
    milestone: Milestone,
    kind: MilestoneEventKind,
    *,
    note: str,
    at: dt.datetime,
    actor: User | None = None,
) -> MilestoneEvent:
    """An unsaved line about `milestone`; without `actor` its measure said so."""
    return MilestoneEvent(
        use_case_id=milestone.use_case_id,
        milestone=milestone,
        title=milestone.title,
        kind=kind,
        note=note,
        decided_by=actor,
        happened_at=at,
    )


def day_text(milestone: Milestone, moment: dt.datetime | None) -> str:
    """The day of a moment in the programme's zone, for the log."""
    if moment is None:
        return "an unknown day"
    return date_text(day_of(moment, ZoneInfo(milestone.use_case.programme.time_zone)))


def promise_text(milestone: Milestone) -> str:
    """Measure and due date in words, for the decision log."""
    if milestone.kind == MilestoneKind.ATTESTED:
        return (
            f"{milestone.get_outcome_display()}, attested by one person and confirmed by another, "
            f"due {date_text(milestone.due_on)}"
        )
    if milestone.metric_key not in metrics:
        return f"{milestone.metric_key}, due {date_text(milestone.due_on)}"
    metric = metrics.get(milestone.metric_key)
    threshold = threshold_text(
        milestone.comparator, milestone.threshold_nano, metric.unit, milestone.currency
    )
    return f"{metric.label}: {threshold}, due {date_text(milestone.due_on)}"
