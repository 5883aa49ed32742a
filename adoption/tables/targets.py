"""Adoption targets as a table."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from decimal import Decimal

from django.http import QueryDict
from django.urls import reverse
from django.utils.html import format_html

from adoption.models import AdoptionTarget
from adoption.selectors.targets import TargetStanding, loaded_targets, standing_of_target
from adoption.vocabularies import MILESTONE_STATES
from portal.shell.columns import (
    DateColumn,
    ExportValue,
    FigureColumn,
    HtmlColumn,
    LinkTo,
    Record,
    ShellColumn,
)
from portal.shell.figures import Figure
from portal.shell.paging import Source
from portal.shell.tables import ShellTable

_STANDING = "standing"


def _of(record: Record) -> TargetStanding:
    standing: TargetStanding = record[_STANDING]
    return standing


def _state_html(record: Record) -> str:
    standing = _of(record)
    return format_html(
        '{}<span class="sub">{}</span>', MILESTONE_STATES.html(standing.state), standing.when
    )


def _milestone_html(record: Record) -> str:
    milestone = _of(record).target.milestone
    url = f"{reverse('use-case', args=[milestone.use_case.slug])}#milestones"
    return format_html(
        '<a href="{}">{}</a><span class="sub">{}</span>', url, milestone.title, milestone.use_case
    )


def _measured(record: Record) -> Figure:
    return _of(record).figure


def _baseline(record: Record) -> Figure:
    return _of(record).baseline


def _wanted_html(record: Record) -> str:
    standing = _of(record)
    attained = "" if standing.attainment is None else f"{standing.attainment} % of the way"
    return format_html(
        '{} {}<span class="sub">{}</span>', standing.metric_label, standing.wanted, attained
    )


def _wanted_text(record: Record) -> ExportValue:
    return f"{_of(record).metric_label} {_of(record).wanted}"


class _ThresholdColumn(HtmlColumn):
    """What is wanted: in words on the page, key and exact number in the export too."""

    def export_headings(self, heading: str) -> list[str]:
        return [heading, "Metric", "Value"]

    def export_values(self, record: Record) -> list[ExportValue]:
        target: AdoptionTarget = _of(record).target
        return [
            _wanted_text(record), target.metric_key, Decimal(target.threshold_nano).scaleb(-9),
        ]  # fmt: skip


class TargetTable(ShellTable):
    """Rows of `targets_visible_to`; the standings of a page's rows are read in one go."""

    caption = "Adoption targets"
    default_sort = "due_on"

    title = ShellColumn(
        "Target", url=LinkTo("target", "pk"), row_header=True, fields=("pk",), sort_by=("title",)
    )
    scope = HtmlColumn(
        "About",
        html=lambda record: format_html(
            '{}<span class="sub">{}</span>', _of(record).scope, _of(record).scope_label
        ),
        text=lambda record: _of(record).scope,
        fields=(),
    )
    wanted = _ThresholdColumn("Wanted", html=_wanted_html, text=_wanted_text, fields=())
    baseline = FigureColumn("From", figure=_baseline, fields=())
    measured = FigureColumn("Measured", figure=_measured, fields=())
    milestone = HtmlColumn(
        "Serves",
        html=_milestone_html,
        text=lambda record: _of(record).target.milestone.title,
        fields=(),
    )
    due_on = DateColumn("Due")
    state = HtmlColumn(
        "State",
        html=_state_html,
        text=lambda record: MILESTONE_STATES.label(_of(record).state),
        fields=("state",),
        sort_by=("state", "due_on"),
    )

    def __init__(self, source: Source, *, query: QueryDict, path: str, now: dt.datetime) -> None:
        self.now = now
        super().__init__(source, query=query, path=path)

    def enrich(self, records: Sequence[Record]) -> Sequence[Record]:
        rows = loaded_targets().in_bulk([record["pk"] for record in records])
        return [
            {**record, _STANDING: standing_of_target(rows[record["pk"]], now=self.now)}
            for record in records
        ]
