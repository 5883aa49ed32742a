"""Filling, approving and telling of metric values."""

from __future__ import annotations

from adoption.demo.metric_values import build_standings
from adoption.metric_checks import register_metric_checks
from adoption.metric_guards import register_metric_guards
from adoption.services.metric_approvals import MONEY_STANDINGS, STANDINGS
from adoption.services.metric_events import APPROVED_EVENT, COVERAGE_EVENT, RESTATED_EVENT
from adoption.services.metric_filling import FILL_KIND, ask_for_fills, run_fill
from adoption.vocabularies import METRIC_STANDINGS
from portal.approvals.registry import approval_kinds
from portal.choices import ImportKind, Role
from portal.demo import DemoStep, demo_steps
from portal.imports.registry import FollowUp, follow_ups
from portal.schedule import ScheduledJob, scheduled_jobs
from portal.shell.statuses import vocabularies
from portal.webhooks.registry import WebhookEvent, webhook_events
from portal.work.registry import WorkKind, work_kinds

_LEADS = frozenset({Role.PROGRAMME_LEAD, Role.FINANCE})

vocabularies.register(METRIC_STANDINGS)
demo_steps.register(DemoStep("adoption.metric_values", 97, build_standings))
register_metric_guards()
register_metric_checks()
approval_kinds.register(STANDINGS)
approval_kinds.register(MONEY_STANDINGS)

work_kinds.register(
    WorkKind(
        key=FILL_KIND,
        label="Fill the values of a metric",
        run=run_fill,
        is_atomic=False,
        roles=_LEADS,
    )
)
follow_ups.register(
    FollowUp(
        "adoption.metric_values",
        frozenset({ImportKind.DELIVERIES, ImportKind.COSTS}),
        lambda _run, at: ask_for_fills(at=at),
        label="Fill metric values after an import",
        roles=_LEADS,
        is_per_run=False,
    )
)
scheduled_jobs.register(
    ScheduledJob(
        key="fill-metrics",
        task="adoption.tasks.fill_metrics",
        when=3600.0,
        reason="Windows end and values mature without an import, and people confirm deliveries.",
        roles=_LEADS,
    )
)
scheduled_jobs.register(
    ScheduledJob(
        key="review-metric-standings",
        task="adoption.tasks.review_metric_standings",
        when=3600.0,
        reason="Certificates end by the day, and consumers rely on the badge.",
        roles=_LEADS,
    )
)
for _event in (
    WebhookEvent(
        APPROVED_EVENT,
        "Metric approved",
        "A version was approved or certified in a scope. data: metric, version, "
        "definition_sha256, scope, status, seen_until, certified_until.",
    ),
    WebhookEvent(
        RESTATED_EVENT,
        "Metric restated",
        "Final values of an approved metric were revised. data: metric, version, scope, from, to "
        "(exclusive), zone, value_id, data_version, old, new (value, reason, currency, basis, "
        "data_version), reason, all of the oldest window; windows: every one that was revised, "
        "likewise; amounts are decimal strings, small groups are withheld.",
    ),
    WebhookEvent(
        COVERAGE_EVENT,
        "Coverage dropped",
        "The inputs of a window of an approved metric cover much less than those of the window "
        "before. data: as of metric.restated, with coverage and previous_coverage (shares).",
    ),
):
    webhook_events.register(_event)
