"""Hooks and what is sent about changes and deployments."""

from __future__ import annotations

from celery.schedules import crontab

from adoption.policies import may_see_hooks
from adoption.services.deploy_store import PLACE_CHANGES, PLACING_RESTS
from adoption.services.hook_work import place_repository, process_connection
from adoption.services.hooks import PROCESS_HOOKS
from adoption.vocabularies import DEPLOYMENT_STATUSES, HOOK_STATES, ROLLOUT_KINDS
from portal.audit.registry import governed
from portal.choices import Role
from portal.schedule import ScheduledJob, scheduled_jobs
from portal.scopes import Scope, api_scopes
from portal.shell.navigation import NavigationEntry, navigation
from portal.shell.statuses import vocabularies
from portal.work.registry import WorkKind, work_kinds

work_kinds.register(
    WorkKind(
        key=PROCESS_HOOKS,
        label="Process hooks of a connection",
        run=process_connection,
        is_atomic=False,
        roles=frozenset({Role.PROGRAMME_LEAD}),
    )
)
work_kinds.register(
    WorkKind(
        key=PLACE_CHANGES,
        label="Work out what was delivered by which deployment",
        run=place_repository,
        rest=PLACING_RESTS,
        roles=frozenset({Role.PROGRAMME_LEAD}),
    )
)
scheduled_jobs.register(
    ScheduledJob(
        key="tidy-hooks",
        task="adoption.tasks.tidy_hooks",
        when=crontab(hour=3, minute=20),
        reason="Bodies of hooks are kept for 90 days; their secrets follow the newest key.",
        roles=frozenset({Role.ADMINISTRATOR}),
    )
)
for _scope in (
    Scope("changes:write", "Send changes"),
    Scope("deployments:write", "Send deployments"),
):
    api_scopes.register(_scope)

for _words in (DEPLOYMENT_STATUSES, ROLLOUT_KINDS, HOOK_STATES):
    vocabularies.register(_words)
navigation.register(
    NavigationEntry("adoption.services", "Services", "service-list", "Work", 70, "arrow")
)
navigation.register(
    NavigationEntry(
        "adoption.hooks",
        "Hooks",
        "hook-list",
        "Data",
        40,
        "link",
        may_see_hooks,  # type: ignore[arg-type]
    )
)
governed("adoption.HookSecret", hidden=("ciphertext",))
governed("adoption.HookReplay")
