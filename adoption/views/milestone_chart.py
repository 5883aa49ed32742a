"""The drawings of milestones, made with the shell's charts."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import replace
from zoneinfo import ZoneInfo

from django.template.loader import render_to_string

from adoption.choices import Comparator, MilestoneState
from adoption.selectors.milestones import MilestoneStanding
from adoption.vocabularies import MILESTONE_STATES
from portal.shell.charts import Chart, TimelineMark, milestone_timeline, progress_chart
from portal.shell.formats import Number, money_text, number_text, percent_text, to_decimal
from portal.shell.money import from_nano
from portal.shell.periods import day_of


def _mark(standing: MilestoneStanding) -> TimelineMark:
    milestone = standing.milestone
    zone = ZoneInfo(milestone.use_case.programme.time_zone)
    return TimelineMark(
        label=milestone.title,
        due_date=milestone.due_on,
        status=MILESTONE_STATES.get(standing.state),
        measure=f"{standing.metric_label} {standing.promise}",
        happened_date=day_of(milestone.reached_at, zone) if milestone.reached_at else None,
    )


def progress_of(standing: MilestoneStanding) -> Chart:
    """The measured value against the threshold of one milestone."""
    milestone = standing.milestone
    unit = standing.metric.unit if standing.metric else "count"

    def text(value: Number) -> str:
        if unit == "share":
            return percent_text(value, 1)
        if unit == "money":
            return money_text(to_decimal(value), milestone.currency)
        amount = to_decimal(value)
        return number_text(amount, 0 if amount == amount.to_integral_value() else 1)

    return progress_chart(
        title=f"{milestone.title}: measured against promised",
        value=standing.figure.value,
        target=from_nano(milestone.threshold_nano),
        target_words=str(Comparator(milestone.comparator).label),
        reached={MilestoneState.REACHED.value: True, MilestoneState.MISSED.value: False}.get(
            milestone.state
        ),
        reason=standing.figure.reason,
        text=text,
    )


def timeline_chart(
    standings: Sequence[MilestoneStanding], *, today: dt.date, may_edit: bool
) -> Chart:
    """Milestones on a line of time, with a list that carries figures and links.

    The list replaces the shell's plain one; both number the marks by due day and title.
    """
    ordered = sorted(standings, key=lambda item: (item.milestone.due_on, item.milestone.title))
    chart = milestone_timeline(
        title="Milestones by due day",
        description="Each milestone on a line of time; the list below says what it is.",
        marks=[_mark(standing) for standing in ordered],
        today=today,
    )
    items = [(standing, progress_of(standing)) for standing in ordered]
    listed = render_to_string(
        "adoption/_milestone_list.html", {"items": items, "may_edit": may_edit}
    )
    return replace(chart, list_html=listed)
