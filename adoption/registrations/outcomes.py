"""What follows an import, and what the passing of time changes."""

from __future__ import annotations

from adoption.services.follow_up import after_import
from portal.choices import ImportKind, Role
from portal.imports.registry import FollowUp, follow_ups
from portal.schedule import ScheduledJob, scheduled_jobs

follow_ups.register(
    FollowUp(
        "adoption.outcomes",
        frozenset({ImportKind.DELIVERIES, ImportKind.COSTS}),
        after_import,
        label="Advance deliveries and measure milestones after an import",
        roles=frozenset({Role.PROGRAMME_LEAD}),
        is_per_run=False,
    )
)
scheduled_jobs.register(
    ScheduledJob(
        key="refresh-outcomes",
        task="adoption.tasks.refresh_outcomes",
        when=3600.0,
        reason="Deliveries come to hold, and milestones to be missed, by the passing of time.",
        roles=frozenset({Role.PROGRAMME_LEAD}),
    )
)
