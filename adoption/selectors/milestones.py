"""Reading milestones: where each stands, in words, figures and lengths."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from zoneinfo import ZoneInfo

from django.db.models import F, Q, QuerySet

from adoption.choices import Comparator, MilestoneKind, MilestoneState
from adoption.metrics.registry import MetricDefinition
from adoption.metrics.wording import metric_or_none, threshold_text, value_figure
from adoption.models import Milestone
from adoption.models.promises import MeasuredPromise
from adoption.policies import may_see_registry
from adoption.selectors.promises import forecast_words, risk_words, shown_state
from adoption.selectors.use_cases import ENDED_STAGES
from portal.policies import AnyUser
from portal.shell.addresses import address_of
from portal.shell.figures import Figure
from portal.shell.formats import date_text
from portal.shell.periods import day_of
from portal.shell.statuses import FigureStatus

SOON = dt.timedelta(days=30)
_STALE_AFTER = dt.timedelta(days=7)


def milestones_visible_to(user: AnyUser) -> QuerySet[Milestone]:
    """Those that this person may see: as the use cases they belong to."""
    return Milestone.objects.all() if may_see_registry(user) else Milestone.objects.none()


@dataclass(frozen=True, slots=True)
class MilestoneStanding:
    """A milestone as a page shows it.

    Attributes:
        promise: comparator and threshold in words.
        figure: the measured value, or why there is none.
        progress: how much of an upward threshold is there, 0 to 1; None for others and unknown.
        when: what its day means today: `in 12 days`, `3 days ago`, `reached on 9 Oct 2026`, …
        is_late: it was reached after its due day.
        state: as shown: an open one at risk is `at_risk`.
        forecast, risk: in words; empty when there is nothing to say.
        remark: what a reader must know beside the state (restated, moved on, not measurable).
    """

    milestone: Milestone
    metric: MetricDefinition | None
    promise: str
    figure: Figure
    progress: float | None
    when: str
    is_late: bool
    remark: str
    state: str = ""
    forecast: str = ""
    risk: str = ""

    @property
    def metric_label(self) -> str:
        if self.metric is not None:
            return self.metric.label
        return self.milestone.get_outcome_display() or self.milestone.metric_key


def days_text(count: int) -> str:
    """`1 day`, `3 days`."""
    return f"{count} day" if count == 1 else f"{count} days"


def due_text(due_on: dt.date, today: dt.date) -> str:
    """`today`, `in 3 days`, `3 days ago`."""
    distance = (due_on - today).days
    if distance == 0:
        return "today"
    return f"in {days_text(distance)}" if distance > 0 else f"{days_text(-distance)} ago"


def _when(milestone: Milestone, today: dt.date, zone: ZoneInfo) -> tuple[str, bool]:
    if milestone.state == MilestoneState.REACHED and milestone.reached_at is not None:
        reached_on = day_of(milestone.reached_at, zone)
        late = (reached_on - milestone.due_on).days
        timing = f", {days_text(late)} late" if late > 0 else ""
        return f"reached on {date_text(reached_on)}{timing}", late > 0
    return due_text(milestone.due_on, today), False


def _progress(milestone: Milestone) -> float | None:
    is_upward = milestone.comparator in (Comparator.AT_LEAST, Comparator.MORE_THAN)
    if milestone.measured_nano is None or not is_upward or milestone.threshold_nano <= 0:
        return None
    share = Fraction(milestone.measured_nano, milestone.threshold_nano)
    return min(max(float(share), 0.0), 1.0)


def _remark(milestone: Milestone) -> str:
    reason = milestone.measured_reason
    if reason == "restated":
        return "It had been reached; what was counted was withdrawn, so it is not reached now."
    if reason == "moved_since":
        return "The value has moved on since; what was known on that day still says reached."
    if milestone.kind == MilestoneKind.ATTESTED:
        return "Not measured: one person attests it with evidence, and another confirms it."
    if reason and milestone.state == MilestoneState.REACHED:
        return "It could not be measured again; the value is the last one known."
    return ""


def status_of(milestone: MeasuredPromise, now: dt.datetime) -> FigureStatus:
    """How settled a measured value is."""
    if milestone.measured_reason == "restated":
        return FigureStatus.RESTATED
    if milestone.measured_at is not None and now - milestone.measured_at > _STALE_AFTER:
        return FigureStatus.STALE
    return FigureStatus.PROVISIONAL


def _promise(milestone: Milestone, unit: str) -> str:
    if milestone.kind == MilestoneKind.ATTESTED:
        return "attested and confirmed"
    return threshold_text(milestone.comparator, milestone.threshold_nano, unit, milestone.currency)


def standing_of_milestone(milestone: Milestone, *, now: dt.datetime) -> MilestoneStanding:
    """Where one milestone stands; its use case and programme must be loaded."""
    zone = ZoneInfo(milestone.use_case.programme.time_zone)
    metric = metric_or_none(milestone.metric_key)
    unit = metric.unit if metric else "count"
    when, is_late = _when(milestone, day_of(now, zone), zone)
    lineage = (
        address_of("metric-of-use-case", metric.key, milestone.use_case.slug) if metric else ""
    )
    figure = value_figure(
        metric,
        label=metric.label if metric else milestone.get_outcome_display() or milestone.metric_key,
        nano=milestone.measured_nano,
        reason=milestone.measured_reason,
        currency=milestone.currency,
        basis="Derived" if unit == "money" else "",
        status=status_of(milestone, now),
        as_of=milestone.measured_at,
        lineage_url=lineage,
    )
    return MilestoneStanding(
        milestone=milestone,
        metric=metric,
        promise=_promise(milestone, unit),
        figure=figure,
        progress=_progress(milestone),
        when=when,
        is_late=is_late,
        remark=_remark(milestone),
        state=shown_state(milestone),
        forecast=forecast_words(milestone).text,
        risk=risk_words(milestone),
    )


def milestone_standings(
    *, use_case_ids: Iterable[int], now: dt.datetime
) -> dict[int, list[MilestoneStanding]]:
    """Standings by use case, by due day, in one query."""
    rows = (
        Milestone.objects.filter(use_case_id__in=list(use_case_ids))
        .select_related("use_case__programme")
        .order_by("due_on", "pk")
    )
    found: dict[int, list[MilestoneStanding]] = {}
    for milestone in rows:
        found.setdefault(milestone.use_case_id, []).append(
            standing_of_milestone(milestone, now=now)
        )
    return found


def milestones_needing_a_look(user: AnyUser, *, now: dt.datetime) -> QuerySet[Milestone]:
    """Missed, at risk, or open and due in 30 days, in use cases that run; the earliest first."""
    return (
        milestones_visible_to(user)
        .exclude(use_case__stage__in=ENDED_STAGES)
        .filter(
            Q(state=MilestoneState.MISSED)
            | Q(state=MilestoneState.OPEN, due_on__lte=now.date() + SOON)
            | Q(state=MilestoneState.OPEN, risk__gt="")
        )
        .select_related("use_case__programme", "use_case__owner", "use_case__team")
        .order_by(F("due_on").asc(), "pk")
    )
