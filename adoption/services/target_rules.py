"""What an adoption target may promise: an outcome, of a scope that has it, in time to serve."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from adoption.choices import STAGES_THAT_NEED_A_REASON, ScopeKind
from adoption.metrics.alternatives import outcome_in, usage_in
from adoption.metrics.registry import Measured, MetricDefinition
from adoption.metrics.scoped import measure_scopes, scopes_of, target_metrics
from adoption.metrics.wording import reason_text, threshold_text
from adoption.models import Milestone, Programme
from adoption.models.targets import TARGET_SCOPES
from adoption.selectors.teams import team_and_below
from adoption.services.milestone_rules import (
    CURRENCY_DIFFERS,
    NOT_MEASURED,
    check_due_date,
    check_measure,
    holds,
)
from adoption.services.refusals import RefusedError
from portal.shell.formats import date_text
from portal.shell.money import nano_text
from portal.shell.periods import day_of


class BadTargetError(RefusedError):
    """A target on usage, without a milestone that it serves, or that cannot be missed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetDraft:
    """What a person wants to reach.

    Attributes:
        title: in words; also read for usage, and for the metric when none is chosen.
        milestone_id: the milestone that it serves.
        scope_kind, scope_id: what it is about; a `ScopeKind` and the key of the scope.
        metric_key: of an outcome metric; empty to have it read from the title.
        threshold_nano: nano-units (10⁻⁹) of the metric's unit; a share of 80 % is 800_000_000.
        currency: the programme's own for money metrics, empty otherwise.
        due_on: the last day that counts, in the programme's zone.
    """

    title: str
    milestone_id: int
    scope_kind: str
    scope_id: int
    comparator: str
    threshold_nano: int
    due_on: dt.date
    metric_key: str = ""
    currency: str = ""


def target_metric(text: str, key: str, scope_kind: str = "") -> MetricDefinition:
    """The metric of a target: the chosen one, or the one that the text asks for.

    Raises:
        BadTargetError: text or key speak of usage, with the outcome to use instead; or no outcome
            metric of that scope is meant.
    """
    for field, said in (("title", text), ("metric_key", key)):
        refused = usage_in(said)
        if refused is not None:
            raise BadTargetError(f"A target on usage is not taken. {refused.reason}", field=field)
    chosen = key or outcome_in(text) or ""
    offered = {metric.key: metric for metric in target_metrics()}
    if chosen not in offered:
        known = "; ".join(f"{metric.label} (`{metric.key}`)" for metric in offered.values())
        raise BadTargetError(
            f"It is not clear which outcome is meant by “{key or text}”. Say it with one of these: "
            f"{known or 'none yet'}.",
            field="metric_key" if key else "title",
        )
    metric = offered[chosen]
    if scope_kind and scope_kind not in scopes_of(metric):
        possible = ", ".join(str(ScopeKind(each).label).lower() for each in scopes_of(metric))
        raise BadTargetError(
            f"“{metric.label}” is known for: {possible}. Choose such a scope, or another metric.",
            field="scope_kind",
        )
    return metric


def check_scope(draft: TargetDraft, milestone: Milestone) -> None:
    """Refuse a scope that the milestone is no part of.

    Raises:
        BadTargetError: naming the field.
    """
    use_case = milestone.use_case
    if draft.scope_kind not in TARGET_SCOPES:
        raise BadTargetError("Choose a programme, a team or a use case.", field="scope_kind")
    fits = {
        ScopeKind.PROGRAMME.value: lambda: draft.scope_id == use_case.programme_id,
        ScopeKind.USE_CASE.value: lambda: draft.scope_id == use_case.pk,
        ScopeKind.TEAM.value: lambda: use_case.team_id in team_and_below(draft.scope_id),
    }
    if not fits[draft.scope_kind]():
        raise BadTargetError(
            f"The milestone “{milestone.title}” belongs to “{use_case}” ({use_case.team}, "
            f"{use_case.programme}); the target is about something else.",
            field="milestone",
        )


def check_milestone(draft: TargetDraft, milestone: Milestone, *, at: dt.datetime) -> None:
    """Refuse a milestone that a target due on that day cannot serve.

    Raises:
        BadTargetError: naming the field.
    """
    if milestone.use_case.stage in STAGES_THAT_NEED_A_REASON:
        raise BadTargetError(
            "That use case has ended; nothing is left to serve.", field="milestone"
        )
    if milestone.reached_at is not None and milestone.reached_at <= at:
        raise BadTargetError(
            "That milestone is reached; choose one that is still open.", field="milestone"
        )
    today = day_of(at, ZoneInfo(milestone.use_case.programme.time_zone))
    if draft.due_on < today:
        raise BadTargetError("That day is over; choose one that can be missed.", field="due_on")
    if draft.due_on > milestone.due_on:
        raise BadTargetError(
            f"The milestone is due on {date_text(milestone.due_on)}. What comes later does not "
            "serve it: choose an earlier day, or a later milestone.",
            field="due_on",
        )


def check_promise(draft: TargetDraft, metric: MetricDefinition, programme: Programme) -> None:
    """Refuse a threshold that cannot be missed or reached, and a day outside the programme.

    Raises:
        BadMilestoneError: as for milestones.
    """
    check_measure(
        metric_key=metric.key,
        comparator=draft.comparator,
        threshold_nano=draft.threshold_nano,
        currency=draft.currency,
        programme=programme,
    )
    check_due_date(draft.due_on, programme)


def baseline_of(
    draft: TargetDraft, metric: MetricDefinition, *, at: dt.datetime
) -> tuple[int | None, str]:
    """What the scope has now, in nano-units, or the reason why that is not known.

    Raises:
        BadTargetError: it is there already.
    """
    found = measure_scopes(metric, draft.scope_kind, [draft.scope_id], at).get(draft.scope_id)
    value = found or Measured(None, at, NOT_MEASURED)
    if value.nano is None:
        return None, value.reason or NOT_MEASURED
    if value.currency != draft.currency:
        return None, CURRENCY_DIFFERS
    if holds(draft.comparator, value.nano, draft.threshold_nano):
        wanted = threshold_text(draft.comparator, draft.threshold_nano, metric.unit, draft.currency)
        now = nano_text(value.nano * 100 if metric.unit == "share" else value.nano)
        raise BadTargetError(
            f"It is there already: {metric.label} is {now}{' %' if metric.unit == 'share' else ''} "
            f"and you want {wanted}. Choose a value that can be missed.",
            field="threshold",
        )
    return value.nano, ""


def baseline_text(nano: int | None, reason: str, metric: MetricDefinition, currency: str) -> str:
    """The baseline in words, for the log."""
    if nano is None:
        return f"baseline not known ({reason_text(reason)})"
    is_share = metric.unit == "share"
    return f"from {nano_text(nano * 100 if is_share else nano)}{' %' if is_share else ''}" + (
        f" {currency}" if currency else ""
    )
