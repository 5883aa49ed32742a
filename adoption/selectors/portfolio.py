"""The portfolio: what is known about each use case, one row each.

Rooms above add columns (money) through `portfolio_columns`, because adoption knows no bill.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from zoneinfo import ZoneInfo

from django.core.checks import CheckMessage, Error
from django.db.models import Case, Count, OuterRef, Prefetch, QuerySet, Subquery, When
from django.db.models.functions import Coalesce

from adoption.choices import DeliveryState, MilestoneState
from adoption.models import Delivery, Milestone, StageChange, UseCase
from adoption.selectors.evidence_coverage import EvidenceCoverage, evidence_coverage
from adoption.selectors.milestones import MilestoneStanding, standing_of_milestone
from adoption.selectors.use_cases import ENDED_STAGES, STAGE_ORDER, use_cases_visible_to
from portal.policies import AnyUser
from portal.registry import Registry
from portal.shell.figures import Figure
from portal.shell.periods import day_of

# What the metric `held_deliveries` counts: code that held, and other work that was confirmed.
HELD_STATES = (DeliveryState.HELD, DeliveryState.CONFIRMED)
# What counts as work under way or done; a rejected claim is neither.
SHOWN_DELIVERY_STATES = tuple(state for state in DeliveryState if state != DeliveryState.REJECTED)


@dataclass(frozen=True)
class PortfolioColumn:
    """A column that another room adds to the portfolio.

    Attributes:
        key: unique, `room.noun`.
        label: heading.
        order: smaller stands further left; adoption's own columns come first.
        values: `values(use_case_ids)` → a figure for each use case that it knows something about,
            in a constant number of queries.
        missing: why a use case can have no figure, as a few words.
        help_text: what the figure is, for the heading.
    """

    key: str
    label: str
    order: int
    values: Callable[[Sequence[int]], dict[int, Figure]]
    missing: str = "not known"
    help_text: str = ""


def _check_column(column: PortfolioColumn) -> list[CheckMessage]:
    if not column.label or not column.missing:
        return [
            Error(
                f"portfolio column {column.key!r} needs a label and a word for a missing value",
                id="adoption.E011",
            )
        ]
    return []


portfolio_columns: Registry[PortfolioColumn] = Registry("portfolio column", _check_column)


def registered_columns() -> list[PortfolioColumn]:
    """The registered columns, in their order."""
    return sorted(portfolio_columns, key=lambda column: (column.order, column.key))


def portfolio_rows(user: AnyUser) -> QuerySet[UseCase]:
    """The use cases of the portfolio, with what lists sort by.

    Annotations: `stage_order` (the table of stages), `next_due` (day of the earliest open
    milestone, null without one and once the use case has ended), `held` (deliveries held or
    confirmed).
    """
    open_milestones = Milestone.objects.filter(
        use_case=OuterRef("pk"), state=MilestoneState.OPEN
    ).order_by("due_on", "pk")
    # Decided by the use case itself: to look at it again for each milestone costs more than those.
    next_due = Case(
        When(stage__in=ENDED_STAGES, then=None),
        default=Subquery(open_milestones.values("due_on")[:1]),
    )
    held = (
        Delivery.objects.filter(use_case=OuterRef("pk"), state__in=HELD_STATES)
        .order_by()
        .values("use_case")
        .annotate(number=Count("pk"))
        .values("number")
    )
    return use_cases_visible_to(user).annotate(
        stage_order=STAGE_ORDER,
        next_due=next_due,
        held=Coalesce(Subquery(held), 0),
    )


@dataclass(frozen=True, slots=True)
class LastDecision:
    """The newest step of a use case; `day` in the programme's zone."""

    stage: str
    day: dt.date
    reason: str


def _last_decisions(use_case_ids: list[int]) -> dict[int, LastDecision]:
    rows = (
        StageChange.objects.filter(use_case_id__in=use_case_ids)
        .order_by("use_case_id", "-decided_at", "-pk")
        .values_list(
            "use_case_id",
            "to_stage",
            "decided_at",
            "reason",
            "use_case__programme__time_zone",
        )
    )
    found: dict[int, LastDecision] = {}
    for use_case_id, stage, decided_at, reason, zone in rows:
        if use_case_id not in found:
            found[use_case_id] = LastDecision(stage, day_of(decided_at, ZoneInfo(zone)), reason)
    return found


def _deliveries_by_state(use_case_ids: list[int]) -> dict[int, dict[str, int]]:
    rows = (
        Delivery.objects.filter(use_case_id__in=use_case_ids, state__in=SHOWN_DELIVERY_STATES)
        .order_by()
        .values_list("use_case_id", "state")
        .annotate(Count("pk"))
    )
    found: dict[int, dict[str, int]] = {}
    for use_case_id, state, count in rows:
        found.setdefault(use_case_id, {})[state] = count
    return found


@dataclass(frozen=True, slots=True)
class PortfolioFacts:
    """What is known about one use case beside its own fields.

    `coverage` is None when no repository is linked; `next_milestone` is the open one that is due
    first, None once the use case has ended.
    """

    milestones: list[Milestone] = field(default_factory=list)
    next_milestone: MilestoneStanding | None = None
    deliveries: dict[str, int] = field(default_factory=dict)
    coverage: EvidenceCoverage | None = None
    last_decision: LastDecision | None = None
    columns: dict[str, Figure] = field(default_factory=dict)

    def _in_state(self, state: MilestoneState) -> list[Milestone]:
        return [item for item in self.milestones if item.state == state]

    @property
    def reached(self) -> int:
        return len(self._in_state(MilestoneState.REACHED))

    @property
    def missed(self) -> int:
        return len(self._in_state(MilestoneState.MISSED))

    @property
    def held(self) -> int:
        return sum(self.deliveries.get(state, 0) for state in HELD_STATES)

    @property
    def other_deliveries(self) -> list[tuple[str, int]]:
        """The other states with their counts, in the order of a delivery's life."""
        return [
            (state.label, self.deliveries[state])
            for state in SHOWN_DELIVERY_STATES
            if state not in HELD_STATES and self.deliveries.get(state)
        ]


def _milestones(use_case_ids: list[int]) -> dict[int, list[Milestone]]:
    """By use case, by due day. Of the use case only what a standing needs is loaded."""
    use_cases = UseCase.objects.select_related("programme").only(
        "slug", "stage", "programme__time_zone"
    )
    rows = (
        Milestone.objects.filter(use_case_id__in=use_case_ids)
        .prefetch_related(Prefetch("use_case", use_cases))  # once, not with each milestone
        .order_by("due_on", "pk")
    )
    found: dict[int, list[Milestone]] = {}
    for milestone in rows:
        found.setdefault(milestone.use_case_id, []).append(milestone)
    return found


def _next_of(milestones: list[Milestone], now: dt.datetime) -> MilestoneStanding | None:
    for milestone in milestones:
        if milestone.state == MilestoneState.OPEN and milestone.use_case.stage not in ENDED_STAGES:
            return standing_of_milestone(milestone, now=now)
    return None


def portfolio_facts(*, use_case_ids: Sequence[int], now: dt.datetime) -> dict[int, PortfolioFacts]:
    """The facts of these use cases, in a constant number of queries."""
    ids = list(use_case_ids)
    if not ids:
        return {}
    milestones = _milestones(ids)
    deliveries = _deliveries_by_state(ids)
    coverage = evidence_coverage(ids)
    decisions = _last_decisions(ids)
    columns = {column.key: column.values(ids) for column in registered_columns()}
    return {
        pk: PortfolioFacts(
            milestones=milestones.get(pk, []),
            next_milestone=_next_of(milestones.get(pk, []), now),
            deliveries=deliveries.get(pk, {}),
            coverage=coverage.get(pk),
            last_decision=decisions.get(pk),
            columns={key: values[pk] for key, values in columns.items() if pk in values},
        )
        for pk in ids
    }
