"""The portfolio as a table: one row a use case, grouped on request, with other rooms' columns."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from typing import Any

from django.db.models import QuerySet
from django.http import QueryDict
from django.utils.html import escape, format_html
from django.utils.safestring import SafeString, mark_safe

from adoption.choices import MilestoneState, Stage, ValueType
from adoption.selectors.portfolio import (
    PortfolioColumn,
    PortfolioFacts,
    portfolio_facts,
    registered_columns,
)
from adoption.selectors.promises import AT_RISK
from adoption.selectors.use_cases import ENDED_STAGES
from adoption.vocabularies import MILESTONE_STATES, STAGES
from portal.shell.addresses import address_of
from portal.shell.columns import ExportValue, FigureColumn, Record, ShellColumn
from portal.shell.figures import Figure
from portal.shell.formats import MISSING, date_text, percent_text
from portal.shell.paging import Source
from portal.shell.tables import ShellTable

FACTS = "facts"
# Key in the URL → heading, what the order starts with, and the word of a group.
GROUPS: dict[str, tuple[str, str, str, Callable[[Any], str]]] = {
    "programme": ("Programme", "programme__name", "programme__name", str),
    "team": ("Team", "team__name", "team__name", str),
    "stage": ("Stage", "stage_order", "stage", lambda key: str(Stage(key).label)),
    "value_type": ("Value type", "value_type", "value_type", lambda key: str(ValueType(key).label)),
}
_REASON_LENGTH = 90


def _missing(reason: str) -> SafeString:
    return format_html(
        '<span aria-hidden="true">{}</span> <span class="reason">{}</span>', MISSING, reason
    )


class FactsColumn(ShellColumn):
    """A cell made from the facts that the table added to the record, with its export columns."""

    def __init__(
        self,
        verbose_name: str,
        *,
        html: Callable[[PortfolioFacts, Record], str] | None = None,
        exports: Sequence[tuple[str, Callable[[PortfolioFacts], ExportValue]]] = (),
        fields: Sequence[str] = (),
        sort_by: Sequence[str] = (),
        nullable: bool = False,
        css: str = "",
        help_text: str = "",
    ) -> None:
        super().__init__(
            verbose_name,
            fields=fields,
            sort_by=sort_by,
            nullable=nullable,
            orderable=bool(sort_by),
            help_text=help_text,
        )
        self.css = css
        self._html = html
        self._exports = tuple(exports)

    def needed(self) -> set[str]:
        return set(self.extra_fields)

    def value(self, record: Record) -> PortfolioFacts:
        facts: PortfolioFacts = record[FACTS]
        return facts

    def inner_html(self, value: PortfolioFacts, record: Record) -> str:
        return self._html(value, record) if self._html is not None else ""

    def export_headings(self, heading: str) -> list[str]:
        return [name for name, _ in self._exports]

    def export_values(self, record: Record) -> list[ExportValue]:
        facts = self.value(record)
        return [read(facts) for _, read in self._exports]


def _page(record: Record, anchor: str) -> str:
    return f"{address_of('use-case', record['slug'])}#{anchor}"


def _now(figure: Figure) -> str:
    """The measured value in words; why there is none, where there is none."""
    return f"now {figure.text}" if figure.value is not None else figure.reason


def _next_milestone(facts: PortfolioFacts, record: Record) -> str:
    found = facts.next_milestone
    if found is None:
        if record["stage"] in ENDED_STAGES:
            return _missing("ended")
        if not facts.milestones:
            return _missing("no milestone promised yet")
        if facts.missed:
            return _missing("none open")
        return format_html('<span class="muted">All reached</span>')
    at_risk = (
        format_html('<span class="sub" title="{}">{}</span>', found.risk or found.forecast,
                    MILESTONE_STATES.html(found.state))
        if found.state == AT_RISK
        else ""
    )  # fmt: skip
    return format_html(
        '<a href="{}">{}</a><span class="sub">{}; {} · due <span title="{}">{}</span></span>{}',
        _page(record, "milestones"),
        found.milestone.title,
        found.promise,
        _now(found.figure),
        found.when,
        date_text(found.milestone.due_on),
        at_risk,
    )


def _milestones(facts: PortfolioFacts, record: Record) -> str:
    if not facts.milestones:
        return _missing("none")
    missed = (
        format_html(
            '<span class="sub">{}</span>',
            format_html("{} {}", MILESTONE_STATES.html(MilestoneState.MISSED), facts.missed),
        )
        if facts.missed
        else ""
    )
    return format_html(
        '<a href="{}" class="num">{} of {}</a> reached{}',
        _page(record, "milestones"),
        facts.reached,
        len(facts.milestones),
        missed,
    )


def _deliveries(facts: PortfolioFacts, record: Record) -> str:
    if not facts.deliveries:
        return _missing("none logged")
    others = " · ".join(f"{count} {label.lower()}" for label, count in facts.other_deliveries)
    return format_html(
        '<a href="{}" class="num">{}</a>{}',
        _page(record, "adoption-deliveries"),
        facts.held,
        format_html('<span class="sub">{}</span>', others) if others else "",
    )


def _coverage(facts: PortfolioFacts, record: Record) -> str:
    coverage = facts.coverage
    if coverage is None:
        return _missing("no repository")
    if coverage.share is None:
        return _missing("none delivered")
    unknown = percent_text(coverage.unknown / coverage.delivered, 0)
    return format_html(
        '<span class="num" title="{} of {} delivered changes">{}</span>'
        '<span class="sub">{} unknown</span>',
        coverage.covered,
        coverage.delivered,
        percent_text(coverage.share, 0),
        unknown,
    )


def _next_field(read: Callable[[Any], ExportValue]) -> Callable[[PortfolioFacts], ExportValue]:
    def value(facts: PortfolioFacts) -> ExportValue:
        found = facts.next_milestone
        return None if found is None else read(found)

    return value


def _coverage_field(name: str) -> Callable[[PortfolioFacts], ExportValue]:
    return lambda facts: None if facts.coverage is None else getattr(facts.coverage, name)


class StageColumn(FactsColumn):
    """Stage, since when, and why: the last decision."""

    def inner_html(self, value: PortfolioFacts, record: Record) -> str:
        reason = value.last_decision.reason if value.last_decision else ""
        if len(reason) > _REASON_LENGTH:
            reason = f"{reason[:_REASON_LENGTH].rsplit(' ', 1)[0]}…"
        since: dt.date = record["stage_since"]
        return format_html(
            '{}<span class="sub">since {}</span>{}',
            STAGES.html(record["stage"]),
            date_text(since),
            format_html('<span class="sub">{}</span>', reason) if reason else "",
        )

    def export_headings(self, heading: str) -> list[str]:
        return ["Stage", "Stage since", "Last decision"]

    def export_values(self, record: Record) -> list[ExportValue]:
        decision = self.value(record).last_decision
        reason = decision.reason if decision else ""
        return [STAGES.label(record["stage"]), record["stage_since"], reason or None]


class UseCaseColumn(ShellColumn):
    """Title, with team and owner below."""

    def inner_html(self, value: Any, record: Record) -> str:
        return escape(value)

    def cell_html(self, record: Record) -> str:
        owner = record["owner__full_name"] or record["owner__username"]
        return format_html(
            '<th scope="row" class="portfolio-title"><a href="{}">{}</a>'
            '<span class="sub">{} · {}{}</span></th>',
            address_of("use-case", record["slug"]),
            record["title"],
            record["team__name"],
            owner,
            " · draft" if record["profile__is_draft"] else "",
        )

    def export_headings(self, heading: str) -> list[str]:
        return [heading, "Address", "Programme", "Team", "Owner", "Value type"]

    def export_values(self, record: Record) -> list[ExportValue]:
        return [
            record["title"],
            record["slug"],
            record["programme__name"],
            record["team__name"],
            record["owner__full_name"] or record["owner__username"],
            str(ValueType(record["value_type"]).label),
        ]


def _registered_column(column: PortfolioColumn) -> tuple[str, ShellColumn]:
    def figure(record: Record) -> Figure:
        facts: PortfolioFacts = record[FACTS]
        return facts.columns.get(column.key) or Figure.missing(column.label, column.missing)

    name = column.key.replace(".", "_")
    return name, FigureColumn(column.label, figure=figure, fields=(), help_text=column.help_text)


class PortfolioTable(ShellTable):
    """Rows of `portfolio_rows`; the facts of a page's rows are read in one go."""

    caption = "Use cases"
    default_sort = "due"

    title = UseCaseColumn(
        "Use case",
        row_header=True,
        fields=(
            "pk",
            "slug",
            "team__name",
            "programme__name",
            "owner__full_name",
            "owner__username",
            "value_type",
            "profile__is_draft",
        ),
    )
    stage = StageColumn(
        "Stage and why",
        fields=("stage", "stage_since", "stage_order"),
        sort_by=("stage_order", "stage_since"),
        css="stage-cell",
    )
    due = FactsColumn(
        "Next milestone",
        html=_next_milestone,
        exports=[
            ("Next milestone", _next_field(lambda item: item.milestone.title)),
            ("Next milestone due", _next_field(lambda item: item.milestone.due_on)),
            ("Next milestone promises", _next_field(lambda item: item.promise)),
            ("Next milestone measured", _next_field(lambda item: item.figure.value)),
            ("Next milestone state", _next_field(lambda item: MILESTONE_STATES.label(item.state))),
            ("Next milestone forecast", _next_field(lambda item: item.milestone.forecast_on)),
        ],
        fields=("next_due", "stage"),
        sort_by=("next_due", "title"),
        nullable=True,
    )
    milestones = FactsColumn(
        "Milestones",
        html=_milestones,
        exports=[
            ("Milestones reached", lambda facts: facts.reached),
            ("Milestones missed", lambda facts: facts.missed),
            ("Milestones", lambda facts: len(facts.milestones)),
        ],
        css="w",
    )
    held = FactsColumn(
        "Held",
        html=_deliveries,
        exports=[("Deliveries held", lambda facts: facts.held)],
        fields=("held",),
        sort_by=("held",),
        css="n",
        help_text="Deliveries in production and not undone since, or confirmed work",
    )
    coverage = FactsColumn(
        "Evidence",
        html=_coverage,
        exports=[
            ("Delivered changes", _coverage_field("delivered")),
            ("With evidence", _coverage_field("covered")),
            ("Inferred only", _coverage_field("inferred")),
            ("Unknown", _coverage_field("unknown")),
        ],
        css="n",
        help_text="Delivered changes whose use of AI was seen or declared; the rest is unknown",
    )

    def __init__(
        self, source: Source, *, query: QueryDict, path: str, group: str, now: dt.datetime
    ) -> None:
        self.now = now
        self.group = group if group in GROUPS else ""
        columns = [_registered_column(column) for column in registered_columns()]
        super().__init__(source, query=query, path=path, extra_columns=columns)

    def _order_queryset(self, source: QuerySet[Any, Any], column: ShellColumn | None) -> Source:
        ordered = super()._order_queryset(source, column)
        if not self.group or not isinstance(ordered, QuerySet):
            return ordered
        _, order, _, _ = GROUPS[self.group]
        return ordered.order_by(order, *ordered.query.order_by)

    def enrich(self, records: Sequence[Record]) -> Sequence[Record]:
        facts = portfolio_facts(use_case_ids=[record["pk"] for record in records], now=self.now)
        return [{**record, FACTS: facts[record["pk"]]} for record in records]

    @property
    def body_html(self) -> SafeString:
        """All rows, with a row of its own before each group."""
        if not self.group:
            return super().body_html
        heading, _, key, word = GROUPS[self.group]
        columns = [column for _, _, column in self.shown]
        parts: list[str] = []
        before: Any = object()
        for record in self.page_of_records.records:
            if record[key] != before:
                before = record[key]
                parts.append(
                    f'<tr class="group-row"><th scope="rowgroup" colspan="{len(columns)}">'
                    f'<span class="muted">{heading}:</span> {escape(word(before))}</th></tr>'
                )
            parts.append(f"<tr>{''.join([column.cell_html(record) for column in columns])}</tr>")
        return mark_safe("\n".join(parts))  # noqa: S308  (cells are escaped by their columns)
