"""Allocation rules: who approves them and sees what, what they queue, what is recorded."""

from __future__ import annotations

from billing.approvals import register_guards
from billing.services.allocation_rules import PENDING_RULES, apply_pending_rules
from billing.services.rule_requests import RULES
from billing.views.rule_effects import rule_effect_panel
from portal.approvals.registry import approval_kinds
from portal.audit.registry import governed
from portal.choices import Role
from portal.schedule import ScheduledJob, scheduled_jobs
from portal.shell.panels import APPROVAL_SLOT, ObjectPanel, object_panels
from portal.work.registry import Work, WorkKind, work_kinds

register_guards()
approval_kinds.register(RULES)
object_panels.register(
    ObjectPanel(
        "billing.rule_effect",
        slot=APPROVAL_SLOT,
        order=10,
        template="billing/_rule_effect.html",
        context=rule_effect_panel,
        title="What it would move",
    )
)


def _apply_pending_rules(work: Work) -> None:
    apply_pending_rules(at=work.at)


work_kinds.register(
    WorkKind(
        key=PENDING_RULES,
        label="Allocate again after a rule changed",
        run=_apply_pending_rules,
        is_atomic=False,  # a month in each transaction; repeating one changes nothing
        roles=frozenset({Role.FINANCE}),
    )
)
scheduled_jobs.register(
    ScheduledJob(
        key="apply-allocation-rules",
        task="billing.tasks.apply_allocation_rules",
        when=3600.0,
        reason="A rule that reaches many charges queues its own work; this finds one whose work "
        "was discarded.",
        roles=frozenset({Role.FINANCE}),
    )
)

governed("billing.AllocationRule")
governed("billing.AllocationShare")
