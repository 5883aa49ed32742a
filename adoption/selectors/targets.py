"""Reading adoption targets: what was set, from where, and how it stands."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from fractions import Fraction
from zoneinfo import ZoneInfo

from django.db.models import Q, QuerySet
from django.urls import reverse

from adoption.choices import MilestoneState, ScopeKind
from adoption.metrics.registry import MetricDefinition
from adoption.metrics.wording import metric_or_none, threshold_text, value_figure
from adoption.models import AdoptionTarget, Milestone, TargetEvent, UseCase
from adoption.policies import may_see_registry
from adoption.selectors.milestones import days_text, due_text, status_of
from adoption.selectors.promises import forecast_words, risk_words, shown_state
from adoption.selectors.use_cases import ENDED_STAGES
from portal.choices import Role
from portal.models import User
from portal.policies import AnyUser, holds
from portal.shell.figures import Figure
from portal.shell.formats import date_text
from portal.shell.periods import day_of
from portal.shell.statuses import FigureStatus

_LOADED = ("programme", "team", "use_case", "created_by", "milestone__use_case__owner",
           "milestone__use_case__programme")  # fmt: skip


def loaded_targets() -> QuerySet[AdoptionTarget]:
    """Targets with what a standing needs."""
    return AdoptionTarget.objects.select_related(*_LOADED)


def targets_visible_to(user: AnyUser) -> QuerySet[AdoptionTarget]:
    """Those that this person may see: as the use cases that they serve."""
    return loaded_targets() if may_see_registry(user) else AdoptionTarget.objects.none()


def milestones_to_serve(user: AnyUser, *, keep: int = 0) -> QuerySet[Milestone]:
    """Open milestones that this person may set a target for, by use case and day.

    Args:
        keep: a milestone that is offered in any state, for a target that serves it.
    """
    if not isinstance(user, User) or not may_see_registry(user):
        return Milestone.objects.none()
    rows = Milestone.objects.filter(
        Q(state=MilestoneState.OPEN) & ~Q(use_case__stage__in=ENDED_STAGES) | Q(pk=keep)
    )
    if not holds(user, Role.PROGRAMME_LEAD):
        rows = rows.filter(use_case__owner=user)
    return rows.select_related("use_case__programme").order_by("use_case__title", "due_on", "pk")


def targets_of_use_case(user: AnyUser, use_case: UseCase) -> QuerySet[AdoptionTarget]:
    """Targets about the use case, or that serve one of its milestones."""
    return targets_visible_to(user).filter(Q(use_case=use_case) | Q(milestone__use_case=use_case))


def targets_at_risk(user: AnyUser) -> QuerySet[AdoptionTarget]:
    """Those at risk that this person set, or that serve a milestone of theirs, by due day."""
    return (
        targets_visible_to(user)
        .filter(Q(created_by=user.pk) | Q(milestone__use_case__owner=user.pk))
        .filter(state=MilestoneState.OPEN, risk__gt="", withdrawn_at__isnull=True)
        .order_by("due_on", "pk")
    )


def target_for_page(user: AnyUser, pk: int) -> AdoptionTarget | None:
    """One target with what its pages need, or None."""
    found: AdoptionTarget | None = targets_visible_to(user).filter(pk=pk).first()
    return found


def events_of_target(target: AdoptionTarget) -> list[TargetEvent]:
    """Its log, newest first."""
    return list(TargetEvent.objects.filter(target=target).select_related("decided_by"))


@dataclass(frozen=True, slots=True)
class TargetStanding:
    """A target as a page shows it.

    Attributes:
        state: `open`, `at_risk`, `reached`, `missed` or `withdrawn`.
        wanted: comparator and value in words.
        figure, baseline: measured value, and where it started; or why there is none.
        attainment: how far of the way from baseline to value, in whole per cent, not below 0 nor
            above 100; None when it cannot be said.
    """

    target: AdoptionTarget
    metric: MetricDefinition | None
    state: str
    scope: str
    scope_label: str
    wanted: str
    figure: Figure
    baseline: Figure
    attainment: int | None
    when: str
    forecast: str
    risk: str

    @property
    def metric_label(self) -> str:
        return self.metric.label if self.metric else self.target.metric_key


def attainment_of(target: AdoptionTarget) -> int | None:
    """(measured − baseline) ÷ (value − baseline), in whole per cent and cut to 0 … 100."""
    known = target.measured_nano is not None and target.baseline_nano is not None
    if not known or target.threshold_nano == target.baseline_nano:
        return None
    way = Fraction(
        (target.measured_nano or 0) - (target.baseline_nano or 0),
        target.threshold_nano - (target.baseline_nano or 0),
    )
    return min(max(int(way * 100), 0), 100)


def standing_of_target(target: AdoptionTarget, *, now: dt.datetime) -> TargetStanding:
    """Where one target stands; its scope, milestone and programme must be loaded."""
    metric = metric_or_none(target.metric_key)
    unit = metric.unit if metric else "count"
    zone = ZoneInfo(target.programme.time_zone)
    label = metric.label if metric else target.metric_key
    money = {"currency": target.currency, "basis": "Derived" if unit == "money" else ""}
    lineage = ""
    if metric is not None and target.scope_kind == ScopeKind.USE_CASE and target.use_case:
        lineage = reverse("metric-of-use-case", args=[metric.key, target.use_case.slug])
    withdrawn = target.withdrawn_at is not None
    return TargetStanding(
        target=target,
        metric=metric,
        state="withdrawn" if withdrawn else shown_state(target),
        scope=str(target.use_case or target.team or target.programme),
        scope_label=target.get_scope_kind_display(),
        wanted=threshold_text(target.comparator, target.threshold_nano, unit, target.currency),
        figure=value_figure(
            metric, label=label, nano=target.measured_nano,
            reason=target.measured_reason or "", status=status_of(target, now),
            as_of=target.measured_at, lineage_url=lineage, **money,
        ),
        baseline=value_figure(
            metric, label="Baseline", nano=target.baseline_nano, reason=target.baseline_reason,
            status=FigureStatus.PROVISIONAL, as_of=target.baseline_at, **money,
        ),
        attainment=attainment_of(target),
        when=_when(target, day_of(now, zone), zone),
        forecast="" if withdrawn else forecast_words(target).text,
        risk="" if withdrawn else risk_words(target),
    )  # fmt: skip


def _when(target: AdoptionTarget, today: dt.date, zone: ZoneInfo) -> str:
    if target.withdrawn_at is not None:
        return f"withdrawn on {date_text(day_of(target.withdrawn_at, zone))}"
    if target.state == MilestoneState.REACHED and target.reached_at is not None:
        reached_on = day_of(target.reached_at, zone)
        late = (reached_on - target.due_on).days
        timing = f", {days_text(late)} late" if late > 0 else ""
        return f"reached on {date_text(reached_on)}{timing}"
    return due_text(target.due_on, today)
