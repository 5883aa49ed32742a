"""What the portal registers with itself. Imported once, by `PortalConfig.ready()`."""

from __future__ import annotations

from celery.schedules import crontab

from portal.api.routers import api_modules
from portal.approvals.registry import approval_kinds
from portal.approvals.triggers import guards
from portal.audit.registry import governed, governed_tables
from portal.checks import check_registry
from portal.choices import Role
from portal.demo import DemoStep, demo_steps
from portal.demo.people import ask_for_roles, build_people
from portal.imports.registry import follow_ups, import_sources
from portal.personal_data import personal_stores
from portal.policies import may_read_audit, may_see_imports, may_see_people, may_see_work
from portal.schedule import ScheduledJob, scheduled_jobs
from portal.scopes import api_scopes
from portal.services.fetching import FETCH_KIND, run_fetch
from portal.services.file_fetching import FILE_FETCH_KIND, run_file_fetch
from portal.services.personal_data import STORES
from portal.shell.banners import banners
from portal.shell.navigation import NavigationEntry, navigation
from portal.shell.panels import HomePanel, home_panels, object_panels
from portal.shell.statuses import vocabularies
from portal.shell.urls_registry import register_urls, url_modules
from portal.signin.break_glass import BREAK_GLASS_BANNER
from portal.views.import_panels import waiting_imports
from portal.views.work_panels import held_work
from portal.vocabularies import (
    ACCOUNT_STATES,
    API_TOKEN_STATES,
    AUDIT_OPERATIONS,
    REJECTED_ROW_STATES,
    RUN_STATUSES,
    WORK_STATUSES,
)
from portal.work.registry import WorkKind, work_kinds

check_registry(approval_kinds)
check_registry(guards)
check_registry(import_sources)
check_registry(follow_ups)
check_registry(scheduled_jobs)
work_kinds.register(
    WorkKind(
        key=FETCH_KIND,
        label="Fetch from a provider",
        run=run_fetch,
        queue="imports",
        is_atomic=False,  # it waits for a network; the run is queued in a transaction of its own
        roles=frozenset({Role.FINANCE, Role.PROGRAMME_LEAD}),
    )
)
scheduled_jobs.register(
    ScheduledJob(
        key="request-fetches",
        task="portal.tasks.request_fetches",
        when=3600.0,
        reason="Each connection is fetched once a day; hourly, so that a missed hour costs one.",
        roles=frozenset({Role.FINANCE, Role.PROGRAMME_LEAD}),
    )
)
scheduled_jobs.register(
    ScheduledJob(
        key="remove-people-files",
        task="portal.tasks.remove_people_files",
        when=24 * 3600.0,
        reason="Files that name people are kept for a number of days; daily is as exact as that.",
        roles=frozenset({Role.ADMINISTRATOR}),
    )
)
work_kinds.register(
    WorkKind(
        key=FILE_FETCH_KIND,
        label="Fetch files from an object store",
        run=run_file_fetch,
        queue="imports",
        is_atomic=False,  # likewise
        roles=frozenset({Role.FINANCE, Role.PROGRAMME_LEAD}),
    )
)
scheduled_jobs.register(
    ScheduledJob(
        key="request-file-fetches",
        task="portal.tasks.request_file_fetches",
        when=4 * 3600.0,
        reason="Providers lay files down up to three times a day; a look costs one listing.",
        roles=frozenset({Role.FINANCE, Role.PROGRAMME_LEAD}),
    )
)
check_registry(work_kinds)
check_registry(api_modules)
check_registry(api_scopes)

register_urls("", "portal.views.health_urls")
register_urls("imports/", "portal.views.import_urls")
register_urls("work/", "portal.views.work_urls")
register_urls("tokens/", "portal.views.api_token_urls")
register_urls("", "portal.views.sign_in_urls")
# First: programs call most often, and would have every page's address tried before. All that lies
# below /api/ is answered there, with a problem where there is nothing.
register_urls("api/", "portal.api.urls", order=1)
check_registry(vocabularies)
check_registry(url_modules)
check_registry(navigation)
check_registry(home_panels)
check_registry(object_panels)

navigation.register(NavigationEntry("portal.home", "Home", "home", order=0, icon="home"))
navigation.register(
    NavigationEntry(
        "portal.work",
        "Background work",
        "work-list",
        "Administration",
        20,
        "gauge",
        may_see_work,  # type: ignore[arg-type]
    )
)
home_panels.register(HomePanel("portal.work", 15, "portal/work/_home_held.html", held_work))
navigation.register(
    NavigationEntry("portal.tokens", "API tokens", "api-token-list", "Administration", 60, "link")
)

demo_steps.register(DemoStep("portal.people", 10, build_people))
demo_steps.register(DemoStep("portal.requests", 98, ask_for_roles))
check_registry(demo_steps)
for _order, _key, _label, _url_name, _icon in (
    (10, "portal.imports", "Imports", "connection-list", "import"),
    (20, "portal.import_runs", "Import runs", "import-run-list", "list"),
    (30, "portal.quarantine", "Quarantine", "rejected-row-list", "inbox"),
):
    navigation.register(
        NavigationEntry(
            _key,
            _label,
            _url_name,
            "Data",
            _order,
            _icon,
            may_see_imports,  # type: ignore[arg-type]
        )
    )

vocabularies.register(RUN_STATUSES)
vocabularies.register(AUDIT_OPERATIONS)
vocabularies.register(WORK_STATUSES)
vocabularies.register(REJECTED_ROW_STATES)
vocabularies.register(API_TOKEN_STATES)
vocabularies.register(ACCOUNT_STATES)
banners.register(BREAK_GLASS_BANNER)
navigation.register(
    NavigationEntry(
        "portal.people",
        "People",
        "person-list",
        "Administration",
        10,
        "people",
        may_see_people,  # type: ignore[arg-type]
    )
)

home_panels.register(
    HomePanel("portal.imports", 10, "portal/imports/_home_waiting.html", waiting_imports)
)

register_urls("audit/", "portal.views.audit_urls")
navigation.register(
    NavigationEntry(
        "portal.audit",
        "Audit",
        "audit",
        "Administration",
        80,
        "shield",
        may_read_audit,  # type: ignore[arg-type]
    )
)
check_registry(governed_tables)
check_registry(personal_stores)
for _store in STORES:
    personal_stores.register(_store)
scheduled_jobs.register(
    ScheduledJob(
        key="seal-audit",
        task="portal.tasks.seal_audit",
        when=300.0,
        reason="What is not sealed yet could still be altered unnoticed, so soon and often.",
        roles=frozenset({Role.AUDITOR}),
    )
)
scheduled_jobs.register(
    ScheduledJob(
        key="seal-audit-daily",
        task="portal.tasks.seal_audit_daily",
        when=crontab(hour="0", minute="10"),
        reason="One seal a day even when nothing happened: a missing head is then a finding.",
        roles=frozenset({Role.AUDITOR}),
    )
)
governed(
    "portal.User",
    personal=("username", "full_name", "email", "person_key"),
    hidden=("password",),
    ignored=("last_login",),
    person="id",
)
governed("portal.User_groups")
governed("portal.User_user_permissions")
governed("portal.RoleGrant")
governed(
    "portal.SignInEvent",
    personal=("username", "address"),
    # Of somebody else than the row is about; the audit's own event says who that was.
    hidden=("actor_name",),
    person="user",
)
governed(
    "socialaccount.SocialAccount",
    personal=("uid",),
    hidden=("extra_data",),
    ignored=("last_login",),
    person="user",
)
governed("mfa.Authenticator", hidden=("data",), ignored=("last_used_at",))
governed("portal.Connection")
governed("portal.StoredCredential", hidden=("ciphertext",))
governed("portal.ApiToken", hidden=("secret_hash",))
# What a run does is told by its closing; while it works it writes every few seconds.
governed("portal.ImportRun", ignored=("heartbeat_at", "progress_rows", "phase"))
governed("portal.ImportFile")
governed("portal.RejectedRow", hidden=("raw_text", "repaired_text", "value"))
governed("portal.WorkDecision")

from portal import telling  # noqa: E402, F401  (its part of this)
from portal.approvals import registrations as approvals  # noqa: E402, F401  (its part of this)
