"""Removed checks that nobody can tell apart from their presence, each with the reason.

A check that is found by now has to leave this list: the long run says so.
"""

from __future__ import annotations

from portal.choices import Role
from tests.access import argued_adoption, argued_billing, argued_portal

_FOR_ALL = (
    "Whoever is signed in sees all of it anyway. A stranger meets the gate before it, and what "
    "removes the gate is found."
)
_BEHIND = (
    "Whoever gets here has been found to see all of it: the page, or the thing that it is about, "
    "was looked up before by the same policy."
)
_NARROWED = "What it gives is narrowed to the person's own in the same query, which is found."
_TWICE = "Two checks of one function say the same; each alone keeps everybody out."
_LIBRARY = "The library's page asks for a sign-in by itself."
_SAME_VALUE = "Whatever else it takes in is written the value that it has."
_DATABASE = "The database refuses the same: a guard of `portal/approvals/guards.py`."
_SEES_ALL = "Auditors and administrators see every kind of work by `sees_all_work`."

_DELIVERIES = "adoption.selectors.deliveries"
_OF_REASON: dict[str, tuple[str, ...]] = {
    _FOR_ALL: (
        "adoption.api.deliveries:_to_log use_cases_visible_to(request.user) gives everything",
        "adoption.api.metrics:_standings standings_visible_to(request.user) gives everything",
        "adoption.api.snapshots:SnapshotView.get snapshots_visible_to(request.user) "
        "gives everything",
        "adoption.api.targets:_draft milestones_visible_to(request.user) gives everything",
        "adoption.api.targets:_scope_id teams_visible_to(request.user) gives everything",
        "adoption.api.use_case_notes:CommentsView.post may_comment(request.user) taken for yes",
        "adoption.api.use_cases:_resolved programmes_visible_to(request.user) gives everything",
        "adoption.api.use_cases:_resolved teams_visible_to(request.user) gives everything",
        "adoption.filters.portfolio:_programmes programmes_visible_to(request.user) "
        "gives everything",
        "adoption.filters.portfolio:_teams teams_visible_to(request.user) gives everything",
        "adoption.views.portfolio:PortfolioPage.get_actions "
        "may_register_use_case(self.request.user) taken for yes",
        "billing.api.costs:DailyCostsView._use_case_id use_cases_visible_to(request.user) "
        "gives everything",
        "billing.registrations.costs:_sees_costs may_see_costs(user) taken for yes",
        "billing.views.restatements:RestatementListPage.get_queryset "
        "restatements_visible_to(self.request.user) gives everything",
        "portal.views.api_tokens:_person may_have_api_tokens(request.user) taken for yes",
        "portal.views.api_tokens:ApiTokenListPage.allows may_have_api_tokens(user) taken for yes",
        "portal.views.approval_rules:approval_rules_page may_see_approvals(request.user) "
        "taken for yes",
        "portal.views.approvals:ApprovalListPage.get_queryset requests_visible_to(user) "
        "gives everything (no. 2)",
        "portal.views.approvals:_read requests_visible_to(request.user) gives everything",
        "portal.views.approvals:approval_page may_see_approvals(request.user) taken for yes",
        "portal.views.approvals:approval_decide may_see_approvals(request.user) taken for yes",
        "portal.views.approvals:approval_withdraw may_see_approvals(request.user) taken for yes",
        "portal.views.break_glass:_read glasses_visible_to(request.user) gives everything",
        "portal.views.break_glass:break_glass_page may_see_approvals(request.user) taken for yes",
        "portal.views.break_glass:break_glass_close may_see_approvals(request.user) taken for yes",
        "api-docs: permission classes let everybody pass",
        "sign-out: nobody is asked to sign in",
    ),
    _BEHIND: (
        "adoption.api.impact:RegistrationsView.get registrations_visible_to(request.user) "
        "gives everything",
        "adoption.api.impact:VerdictsView.get verdicts_visible_to(request.user) gives everything",
        "adoption.api.targets:TargetsView.post targets_visible_to(request.user) gives everything",
        "adoption.api.deliveries:UseCaseDeliveriesView.get deliveries_visible_to(request.user) "
        "gives everything",
        "adoption.views.deliveries:delivery_page may_withdraw_delivery(request.user, delivery) "
        "taken for yes",
        "adoption.views.deliveries:WithdrawPage.allows may_withdraw_delivery(user, self.delivery) "
        "taken for yes",
        "adoption.views.delivery_reviews:ReviewPage.allows "
        "may_review_delivery(user, self.delivery) taken for yes",
        "adoption.views.teams:TeamNewPage.get_initial teams_visible_to(self.request.user) "
        "gives everything",
        "billing.api.costs:UseCaseCostsView._answer may_see_costs(request.user) taken for yes",
        "billing.api.costs:UseCaseCostsView._answer monthly_costs_visible_to(request.user) "
        "gives everything",
        "billing.views.explorer:CostExplorerPage.get self.allows(request.user) taken for yes",
        "portal.selectors.approvals:glasses_to_review glasses_visible_to(user) gives everything",
        "portal.views.audit:audit_event_page seals_visible_to(request.user) gives everything",
        "portal.views.audit:audit_seals_page seals_visible_to(request.user) gives everything",
        "portal.views.connections:connection_page runs_visible_to(request.user) gives everything",
        "portal.views.rejected_rows:_context rejected_rows_visible_to(request.user) "
        "gives everything",
    ),
    _NARROWED: (
        f"{_DELIVERIES}:own_deliveries deliveries_visible_to(user) gives everything",
        "adoption.views.home:my_use_cases use_cases_visible_to(request.user) gives everything",
        "portal.selectors.approvals:asked_by requests_visible_to(user) gives everything",
    ),
    _TWICE: (
        f"{_DELIVERIES}:use_cases_to_log_for may_log_delivery(user) taken for yes",
        f"{_DELIVERIES}:use_cases_to_log_for use_cases_visible_to(user) gives everything",
        f"{_DELIVERIES}:deliveries_to_review may_review_deliveries(user) taken for yes",
        f"{_DELIVERIES}:deliveries_to_review deliveries_visible_to(user) gives everything",
        "portal.selectors.work:work_visible_to may_see_work(user) taken for yes",
        "portal.selectors.work:stopped_work may_see_work(user) taken for yes",
        "portal.selectors.work:open_imports may_see_imports(user) taken for yes",
    ),
    _LIBRARY: tuple(
        f"{name}: nobody is asked to sign in"
        for name in (
            "account_reauthenticate",
            "mfa_activate_totp",
            "mfa_deactivate_totp",
            "mfa_generate_recovery_codes",
            "mfa_reauthenticate",
            "mfa_view_recovery_codes",
        )
    ),
    _SAME_VALUE: (
        "portal.services.people:_is_last_administrator administrators.filter(user=user) left out",
        "portal.services.sign_in:_follow_provider "
        "User.objects.filter(email__iexact=identity.email).exclude(pk left out",
        "portal.services.sign_in:_follow_provider others.exclude(person_key=user.person_key) "
        "left out",
    ),
    _DATABASE: (
        "portal.services.break_glass:open_break_glass may_open_break_glass(actor) taken for yes",
    ),
    _SEES_ALL: (
        "portal.policies:work_roles_of holds(user, role) also for auditor",
        "portal.policies:work_roles_of holds(user, role) also for administrator",
    ),
    "Who may not see identities finds none to resolve: `identities_visible_to` below.": tuple(
        f"adoption.policies:may_resolve_identities holds(user, Role.PROGRAMME_LEAD, "
        f"Role.ADMINISTRATOR) also for {role}"
        for role in Role
        if role not in (Role.PROGRAMME_LEAD, Role.ADMINISTRATOR, Role.AUDITOR)
    ),
}
_ALL = (_OF_REASON, argued_billing.OF_REASON, argued_portal.OF_REASON, argued_adoption.OF_REASON)
ARGUED = {name: reason for each in _ALL for reason, names in each.items() for name in names}
