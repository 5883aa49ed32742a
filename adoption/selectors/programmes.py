"""Reading programmes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from django.db.models import Count, Q, QuerySet

from adoption.choices import MilestoneState, Stage
from adoption.models import Milestone, Programme, UseCase
from adoption.policies import may_see_registry
from adoption.selectors.use_cases import ENDED_STAGES
from portal.policies import AnyUser


def programmes_visible_to(user: AnyUser) -> QuerySet[Programme]:
    """Those that this person may see: all of them inside the organisation, none outside."""
    return Programme.objects.all() if may_see_registry(user) else Programme.objects.none()


def programmes_with_counts(user: AnyUser) -> QuerySet[Programme]:
    """Programmes with `use_case_count` and `active_count` (neither stopped nor retired)."""
    return programmes_visible_to(user).annotate(
        use_case_count=Count("use_cases"),
        active_count=Count("use_cases", filter=~Q(use_cases__stage__in=ENDED_STAGES)),
    )


@dataclass(frozen=True, slots=True)
class ProgrammeStanding:
    """A programme at a glance: use cases by stage in their order, milestones by state."""

    stages: list[tuple[Stage, int]]
    milestones: list[tuple[MilestoneState, int]]

    @property
    def use_case_count(self) -> int:
        return sum(count for _, count in self.stages)

    @property
    def milestone_count(self) -> int:
        return sum(count for _, count in self.milestones)


def standing_of(programme: Programme) -> ProgrammeStanding:
    """Counts for the programme's page, in two queries."""
    by_stage = dict(
        UseCase.objects.filter(programme=programme)
        .order_by()
        .values_list("stage")
        .annotate(Count("pk"))
    )
    by_state = dict(
        Milestone.objects.filter(use_case__programme=programme)
        .order_by()
        .values_list("state")
        .annotate(Count("pk"))
    )
    return ProgrammeStanding(
        [(stage, by_stage.get(stage.value, 0)) for stage in Stage],
        [(state, by_state.get(state.value, 0)) for state in MilestoneState],
    )


def reporting_currencies(programme_ids: Iterable[int]) -> dict[int, str]:
    """The reporting currency (ISO 4217) of each programme, in one query."""
    rows = Programme.objects.filter(pk__in=list(programme_ids))
    return dict(rows.values_list("pk", "currency"))
