"""Registered effects, their verdicts, and what becomes of them."""

from __future__ import annotations

from celery.schedules import crontab

from adoption.demo.impact import build_impact
from adoption.impact_guards import register_impact_guards
from adoption.metrics import validation_coverage  # noqa: F401  (importing it registers metric 14)
from adoption.services.calibration import CALIBRATE, run_calibration
from adoption.services.impact_registrations import REGISTRATIONS
from adoption.services.impact_verdicts import EVALUATE, run_evaluation
from adoption.views.impact_verdicts import use_case_validation
from adoption.vocabularies import GUARDRAILS, IMPACT
from portal.approvals.registry import approval_kinds
from portal.audit.registry import governed
from portal.choices import Role
from portal.demo import DemoStep, demo_steps
from portal.schedule import ScheduledJob, scheduled_jobs
from portal.shell.navigation import NavigationEntry, navigation
from portal.shell.panels import ObjectPanel, object_panels
from portal.shell.statuses import vocabularies
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
work_kinds.register(
    WorkKind(
        key=CALIBRATE,
        label="Hold a method against simulated roll-outs",
        run=run_calibration,
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
scheduled_jobs.register(
    ScheduledJob(
        key="calibrate-intervals",
        task="adoption.tasks.calibrate_intervals",
        when=crontab(day_of_month=1, hour=4, minute=40),
        reason="Libraries and methods change; whether intervals hold is looked at each month.",
        roles=frozenset({Role.PROGRAMME_LEAD}),
    )
)
for _words in (IMPACT, GUARDRAILS):
    vocabularies.register(_words)
navigation.register(
    NavigationEntry("adoption.verdicts", "Verdicts", "verdict-list", "Numbers", 15, "check")
)
object_panels.register(
    ObjectPanel(
        "adoption.validation",
        slot="use_case",
        order=20,
        template="adoption/_use_case_validation.html",
        context=use_case_validation,
        title="Validation",
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

demo_steps.register(DemoStep("adoption.impact", 58, build_impact))
