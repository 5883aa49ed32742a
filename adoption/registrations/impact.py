"""Registered effects, their verdicts, and what becomes of them."""

from __future__ import annotations

from celery.schedules import crontab

from adoption.impact_guards import register_impact_guards
from adoption.services.impact_registrations import REGISTRATIONS
from adoption.services.impact_verdicts import EVALUATE, run_evaluation
from portal.approvals.registry import approval_kinds
from portal.audit.registry import governed
from portal.choices import Role
from portal.schedule import ScheduledJob, scheduled_jobs
from portal.work.registry import WorkKind, work_kinds

register_impact_guards()
approval_kinds.register(REGISTRATIONS)
work_kinds.register(
    WorkKind(
        key=EVALUATE,
        label="Judge a registered effect",
        run=run_evaluation,
        is_atomic=False,
        roles=frozenset({Role.PROGRAMME_LEAD}),
    )
)
scheduled_jobs.register(
    ScheduledJob(
        key="evaluate-registrations",
        task="adoption.tasks.evaluate_registrations",
        when=crontab(hour=4, minute=10),
        reason="Windows close by the passing of time, and data are restated.",
        roles=frozenset({Role.PROGRAMME_LEAD}),
    )
)
for _model in (
    "ImpactRegistration",
    "ImpactAmendment",
    "LossReport",
    "ImpactVerdict",
    "ImpactDecision",
    "UnitValue",
):
    governed(f"adoption.{_model}")
