"""What approvals register with the shell: addresses, navigation, panels, banner, API."""

from __future__ import annotations

from portal.api.routers import register_api
from portal.approvals.vocabularies import APPROVAL_STATUSES, BREAK_GLASS_STATES
from portal.audit.registry import governed
from portal.policies import may_see_approvals
from portal.schedule import ScheduledJob, scheduled_jobs
from portal.scopes import Scope, api_scopes
from portal.shell.banners import Banner, banners
from portal.shell.navigation import NavigationEntry, navigation
from portal.shell.panels import HomePanel, home_panels
from portal.shell.statuses import vocabularies
from portal.shell.urls_registry import register_urls
from portal.views import approval_panels

vocabularies.register(APPROVAL_STATUSES)
vocabularies.register(BREAK_GLASS_STATES)
register_urls("approvals/", "portal.views.approval_urls")
register_urls("people/", "portal.views.role_urls")
register_api("portal.api.approval_urls", prefix="approvals/")
api_scopes.register(Scope("approvals:read", "Read requests for approval and their decisions"))

for _order, _key, _label, _url_name, _icon in (
    (10, "portal.approvals", "Approvals", "approval-list", "inbox"),
    (20, "portal.approval_rules", "Rules of approval", "approval-rules", "book"),
    (30, "portal.break_glass", "Break-glass", "break-glass-list", "warn"),
):
    navigation.register(
        NavigationEntry(
            _key,
            _label,
            _url_name,
            "" if _order == 10 else "Administration",
            _order,
            _icon,
            may_see_approvals,  # type: ignore[arg-type]
        )
    )

banners.register(Banner("portal.break_glass_open", 0, approval_panels.open_glass_banner))
for _position, _name, _template, _context in (
    (1, "portal.break_glass_review", "_home_review", approval_panels.glasses_for_review),
    (2, "portal.approvals_waiting", "_home_waiting", approval_panels.waiting_for_me),
    (60, "portal.approvals_news", "_home_news", approval_panels.news_of_mine),
):
    home_panels.register(
        HomePanel(_name, _position, f"portal/approvals/{_template}.html", _context)
    )

scheduled_jobs.register(
    ScheduledJob(
        key="expire-approvals",
        task="portal.tasks.expire_approvals",
        when=3600.0,
        reason="Requests that nobody decided in time are closed, so that whoever asked learns it.",
    )
)

governed("portal.ApprovalPolicy")
governed("portal.ApprovalRequest")
governed("portal.ApprovalParty", personal=("person_key", "email"), person="user")
governed("portal.ApprovalDecision")
governed("portal.BreakGlass")
