"""Suggestions, their part of the daily digest, corrections and re-classification."""

from __future__ import annotations

from celery.schedules import crontab

from adoption.demo.suggestions import build_suggestions
from adoption.selectors.daily_digest import CLOSING, INBOX, gets_suggestions, suggestion_lines
from adoption.services.reclassification import RECLASSIFY, reclassify_by_work
from adoption.services.suggestion_digest import note_told
from adoption.views import suggestions
from adoption.vocabularies import INVOLVEMENTS, SUGGESTION_STATES
from portal.audit.registry import governed
from portal.choices import Cadence, Role
from portal.demo import DemoStep, demo_steps
from portal.digests import DigestSection, digest_sections
from portal.schedule import ScheduledJob, scheduled_jobs
from portal.shell.panels import HomePanel, home_panels
from portal.shell.statuses import vocabularies
from portal.work.registry import WorkKind, work_kinds

vocabularies.register(INVOLVEMENTS)
vocabularies.register(SUGGESTION_STATES)
home_panels.register(
    HomePanel(
        "adoption.suggestions", 8, "adoption/_home_suggestions.html", suggestions.waiting_panel
    )
)
digest_sections.register(
    DigestSection(
        "adoption.suggestions", "Did AI help? Of yours, this reached production", Cadence.DAILY, 10,
        gets_suggestions, suggestion_lines, link=INBOX, closing=CLOSING, told=note_told,
    )
)  # fmt: skip
work_kinds.register(
    WorkKind(
        key=RECLASSIFY,
        label="Read evidence anew by the present rules",
        run=reclassify_by_work,
        is_atomic=False,  # a transaction a batch
        roles=frozenset({Role.PROGRAMME_LEAD}),
    )
)
scheduled_jobs.register(
    ScheduledJob(
        key="tend-evidence",
        task="adoption.tasks.tend_evidence",
        when=crontab(hour=2, minute=40),
        reason="New rules of evidence are applied to what is kept; reviewers are reminded once.",
        roles=frozenset({Role.PROGRAMME_LEAD}),
    )
)

governed("adoption.UseCaseMark")
governed("adoption.Declaration", hidden=("said_by",))
demo_steps.register(DemoStep("adoption.suggestions", 52, build_suggestions))
