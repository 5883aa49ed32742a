"""From a closed window to a verdict: collected, computed, written down, never overwritten.

Before the window closes nothing is computed, so nobody can stop at a lucky moment. Afterwards the
same facts give the same verdict; other facts give another one beside it.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

import structlog
from django.db import transaction
from django.db.models import Q, QuerySet

from adoption.choices import LossSide, ScopeKind, Stage, VerdictCause
from adoption.metrics.contracts import canonical
from adoption.models import ImpactRegistration, ImpactVerdict, StageChange
from adoption.services.impact_plans import Plan, plan_from, plan_of, windowed_of
from adoption.services.impact_samples import MetricGoneError, Told, collect, units_of
from adoption.validation.documents import as_text, document, text_sha256
from adoption.validation.missing import Side
from adoption.validation.protocol import Observed, evaluate
from portal.services.work import enqueue
from portal.shell.periods import day_of
from portal.work.registry import Work, WorkRefusedError

logger = structlog.get_logger(__name__)
EVALUATE = "adoption.evaluate-registration"


class WindowOpenError(Exception):
    """The window is still open, or its values may still change: nothing is computed."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a registration is, before it is judged. In weeks, never in events."""

    weeks_done: int
    weeks: int
    closes_at: dt.datetime
    judged_from: dt.datetime

    @property
    def is_closed(self) -> bool:
        return self.weeks_done >= self.weeks


def progress_of(plan: Plan, *, at: dt.datetime) -> Progress:
    """Whole weeks of the window after that are over, of how many, and when it can be judged."""
    weeks = plan.weeks_after
    windowed = windowed_of(plan.metric_key, plan.metric_version)
    matures = windowed.matures_after if windowed else dt.timedelta(0)
    done = sum(week.ends_at <= at for week in weeks)
    return Progress(done, len(weeks), plan.closes_at, plan.closes_at + matures)


def standing_registrations() -> QuerySet[ImpactRegistration]:
    """Approved and not replaced by an approved one."""
    replaced = Q(replaced_by__isnull=False, replaced_by__approved_at__isnull=False)
    return (
        ImpactRegistration.objects.filter(approved_at__isnull=False)
        .exclude(replaced)
        .select_related("use_case__programme")
    )


@dataclass(frozen=True, slots=True)
class Evaluated:
    """What an evaluation came to: a new verdict, or the current one when nothing has changed."""

    verdict: ImpactVerdict
    is_new: bool


def evaluate_registration(
    *,
    registration_id: int,
    at: dt.datetime,
    told: Told = lambda done, total: None,
    fence: Callable[[], None] = lambda: None,
) -> Evaluated:
    """Judge one registration whose window has closed.

    Args:
        at: as of when the data are taken.
        told: hears `done, total` while weeks are collected.
        fence: called in the writing transaction; raises when another attempt has taken over.

    Raises:
        WindowOpenError: it is too early.
        LookupError: it is not approved, or has been replaced.
    """
    registration = standing_registrations().filter(pk=registration_id).first()
    if registration is None:
        raise LookupError("There is no standing registration with this number.")
    plan = plan_of(registration, amended=True)
    if progress_of(plan, at=at).judged_from > at or plan_of(registration).closes_at > at:
        raise WindowOpenError("Its window is still open, or its values may still change.")
    try:
        facts = canonical(collect(plan, at=at, told=told))
        gone = ""
    except MetricGoneError as error:
        facts, gone = canonical({"metrics": {}, "small_groups": []}), str(error)
    protocol = canonical(protocol_of(registration, plan, gone=gone))
    with transaction.atomic():
        fence()
        return _write(registration, facts, protocol, at)


def _write(
    registration: ImpactRegistration, facts: str, protocol: str, at: dt.datetime
) -> Evaluated:
    list(ImpactRegistration.objects.select_for_update(of=("self",)).filter(pk=registration.pk))
    current = registration.verdicts.filter(superseded_at__isnull=True).first()
    shas = (text_sha256(facts), text_sha256(protocol))
    if current is not None:
        if (current.facts_sha256, current.protocol_sha256) == shas:
            return Evaluated(current, is_new=False)
        current.superseded_at = at
        current.save(update_fields=["superseded_at"])
    result = result_of(facts, protocol)
    amended = current is not None and current.protocol_sha256 != shas[1]
    restated = VerdictCause.PROTOCOL_AMENDED if amended else VerdictCause.DATA_RESTATED
    made = ImpactVerdict.objects.create(
        registration=registration,
        number=(current.number if current else 0) + 1,
        cause=restated if current else VerdictCause.WINDOW_CLOSED,
        verdict=str(json.loads(result)["verdict"]),
        facts=facts,
        facts_sha256=shas[0],
        protocol=protocol,
        protocol_sha256=shas[1],
        result=result,
        result_sha256=text_sha256(result),
        data_as_of=at,
        computed_at=at,
    )
    logger.info("impact_judged", registration=registration.pk, verdict=made.verdict)
    return Evaluated(made, is_new=True)


def protocol_of(registration: ImpactRegistration, plan: Plan, *, gone: str = "") -> dict[str, Any]:
    """What is carried out: the plan with its amendments, and everything that limits the verdict."""
    newest: dict[str, list[int]] = {}
    for report in registration.losses.all():
        newest[report.side] = [report.expected, report.opted_out, report.vanished]
    return {
        "plan": plan.document(),
        "registered_sha256": registration.content_sha256,
        "deviations": _deviations(registration, plan),
        "obstacles": ([gone] if gone else []) + _obstacles(registration, plan),
        "losses": newest,
    }


def _entered(registration: ImpactRegistration, *stages: Stage) -> dt.date | None:
    first = (
        StageChange.objects.filter(use_case_id=registration.use_case_id, to_stage__in=stages)
        .order_by("decided_at")
        .first()
    )
    return day_of(first.decided_at, ZoneInfo(registration.zone)) if first else None


def _deviations(registration: ImpactRegistration, plan: Plan) -> list[str]:
    found = []
    original = plan_of(registration)
    assert registration.approved_at is not None  # noqa: S101  (only what is approved is judged)
    if registration.approved_at >= original.launches_at:
        found.append(
            f"It was approved on {day_of(registration.approved_at, ZoneInfo(plan.zone))}, and the "
            f"launch was on {original.launch_on}: registered after the launch."
        )
    live = _entered(registration, Stage.LIVE)
    if live is not None and live < original.launch_on and plan.unit_kind == ScopeKind.USE_CASE:
        found.append(f"The use case was live on {live}, before the registered launch.")
    for amendment in registration.amendments.all():
        day = day_of(amendment.made_at, ZoneInfo(plan.zone))
        names = ", ".join(sorted(name.replace("_", " ") for name in amendment.changes))
        what = f"{names} changed" if names else "a deviation was reported"
        found.append(f"On {day} {what}: {amendment.reason}")
    return found


def _obstacles(registration: ImpactRegistration, plan: Plan) -> list[str]:
    tried = _entered(registration, Stage.PILOT, Stage.LIVE)
    if tried is None:
        return ["It was never launched: the use case was neither in a pilot nor live."]
    if tried >= plan.after_ends_on:
        return [f"It was launched on {tried}, after its window had ended."]
    return []


def result_of(facts: str, protocol: str) -> str:
    """The outcome of frozen facts under a frozen protocol: the same bytes every time."""
    said, snapshot = json.loads(protocol), json.loads(facts)
    plan = plan_from(said["plan"])
    obstacles = list(said["obstacles"])
    obstacles += [
        f"Too few people contributed {side} the launch for a value that may be shown."
        for side in snapshot["small_groups"]
    ]
    sides = [Side(*said["losses"][side]) for side in LossSide.values if side in said["losses"]]
    observed = Observed(
        units=units_of(snapshot, plan.key, plan.unit_ids) if snapshot["metrics"] else (),
        guardrails={
            each.key: units_of(snapshot, each.key, plan.unit_ids) for each in plan.guardrails
        },
        obstacles=tuple(obstacles),
        deviations=tuple(said["deviations"]),
        losses=(sides[0], sides[1]) if len(sides) == 2 else None,
    )
    return as_text(document(plan.protocol, observed, evaluate(plan.protocol, observed)))


def is_reproduced(verdict: ImpactVerdict) -> bool:
    """Whether the stored facts and protocol still give the stored result, byte by byte."""
    return (
        result_of(verdict.facts, verdict.protocol) == verdict.result
        and text_sha256(verdict.result) == verdict.result_sha256
        and text_sha256(verdict.facts) == verdict.facts_sha256
    )


def due_registrations(*, at: dt.datetime) -> list[int]:
    """Those whose window has closed: judged for the first time, or looked at for restated data."""
    found = []
    for registration in standing_registrations().prefetch_related("amendments").order_by("pk"):
        plan = plan_of(registration, amended=True)
        if progress_of(plan, at=at).judged_from <= at and plan_of(registration).closes_at <= at:
            found.append(registration.pk)
    return found


@transaction.atomic
def ask_for_evaluations(*, at: dt.datetime) -> int:
    """One piece of work for each registration that is due; how many."""
    due = due_registrations(at=at)
    for pk in due:
        enqueue(
            kind=EVALUATE, key=f"registration:{pk}", payload={"registration": pk}, actor=None, at=at
        )
    return len(due)


def run_evaluation(work: Work) -> None:
    """Evaluate the registration that the work names; what is too early is left for later."""
    try:
        evaluate_registration(
            registration_id=int(work.payload["registration"]),
            at=work.at,
            told=lambda done, total: work.report(done, total, "Collecting weeks"),
            fence=work.fence,
        )
    except (WindowOpenError, LookupError) as error:
        raise WorkRefusedError(str(error)) from error
