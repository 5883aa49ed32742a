"""The same money through two sources: its page and panel, who approves, what it records."""

from __future__ import annotations

from billing.approvals import register_overlap_guards
from billing.policies import may_see_costs
from billing.services.overlap_requests import OVERLAPS
from billing.services.overlaps import PENDING_OVERLAPS, apply_pending_overlaps
from billing.views.overlaps import suspicions_panel
from portal.approvals.registry import approval_kinds
from portal.audit.registry import governed
from portal.choices import Role
from portal.shell.navigation import NavigationEntry, Visitor, navigation
from portal.shell.panels import HomePanel, home_panels
from portal.work.registry import Work, WorkKind, work_kinds

register_overlap_guards()
approval_kinds.register(OVERLAPS)


def _apply(work: Work) -> None:
    apply_pending_overlaps(at=work.at)


def _sees_costs(user: Visitor) -> bool:
    return may_see_costs(user)  # type: ignore[arg-type]


work_kinds.register(
    WorkKind(
        key=PENDING_OVERLAPS,
        label="Allocate again after a source stopped or began to count",
        run=_apply,
        is_atomic=False,  # a month in each transaction; repeating one changes nothing
        roles=frozenset({Role.FINANCE}),
    )
)
navigation.register(
    NavigationEntry(
        "billing.overlaps", "Overlaps", "cost-overlaps", "Costs", 26, "half", _sees_costs
    )
)
home_panels.register(
    HomePanel("billing.suspicions", 11, "billing/_home_suspicions.html", suspicions_panel)
)
governed("billing.SpendOverlap")
