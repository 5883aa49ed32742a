"""Snapshots and dashboards: pages, guards, approval, jobs, events."""

from __future__ import annotations

from adoption.board_guards import register_board_guards
from adoption.services.snapshots import PUBLISH_KIND, PUBLISHED, publish_by_work
from portal.audit.registry import governed
from portal.choices import Role
from portal.schedule import ScheduledJob, scheduled_jobs
from portal.webhooks.registry import webhook_events
from portal.work.registry import WorkKind, work_kinds

_LEADS = frozenset({Role.PROGRAMME_LEAD})

register_board_guards()
webhook_events.register(PUBLISHED)
work_kinds.register(
    WorkKind(PUBLISH_KIND, "Publish a snapshot of metric values", publish_by_work, roles=_LEADS)
)
scheduled_jobs.register(
    ScheduledJob(
        key="publish-snapshot",
        task="adoption.tasks.publish_snapshot",
        when=3600.0,
        reason="What was filled or restated since the last snapshot is published; else nothing is.",
        roles=_LEADS,
    )
)
governed("adoption.Dashboard")
governed("adoption.DashboardVersion")
governed("adoption.DashboardStatusChange")
