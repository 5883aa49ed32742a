"""Removed checks of adoption that nobody can tell apart from their presence, with the reasons."""

from __future__ import annotations

_SEES_REGISTRY = (
    "Whoever may open the page sees all of it: page and selection ask the same of a person, to be "
    "signed in and active, and what removes the question at the page is found."
)
_SEES_IDENTITIES = (
    "Whoever may open the page may see identities, and that gives all of them; guesses about them "
    "ask once more."
)
_LEADS_SEE_ALL = (
    "Leads and administrators alone open the page, and all who are signed in see every team."
)
_LOOKED_UP = (
    "The use case was looked up before, for those only who may see the registry, and all of them "
    "may see its milestones and comment."
)
_LOOKED_UP_SNAPSHOT = (
    "The snapshot itself was looked up before, for those only who may see the registry, and they "
    "see every snapshot."
)
_ASKED_BEFORE = (
    "The function asks first whether the person may see the registry, and who may sees every use "
    "case, programme and team."
)
_MAY_ALREADY = "Whoever may propose a standing may end it, and these roles may propose every one."
_ROW_BY_ROW = "The loop that follows takes a row only if it is the person's own."
_SIGNED_IN = (
    "`signed_in` refuses a stranger in the same function, before anything is read, and the session "
    "of somebody who left is nobody's: all others may log deliveries."
)
OF_REASON: dict[str, tuple[str, ...]] = {
    _SEES_REGISTRY: (
        "adoption.views.dashboards:DashboardListPage.get_actions "
        "may_make_dashboard(self.request.user) taken for yes",
        "adoption.views.deployments:ServicePage.service "
        "services_visible_to(self.request.user) gives everything",
        "adoption.views.deployments:ServicePage.get_queryset "
        "deployments_visible_to(self.request.user) gives everything",
        "adoption.views.impact_verdicts:calibration_page verdicts_visible_to(request.user) "
        "gives everything",
        "adoption.views.registration:UseCaseNewPage.get_initial "
        "programmes_visible_to(self.request.user) gives everything",
        "adoption.views.registration:UseCaseNewPage.get_context_data "
        "programmes_visible_to(user) gives everything",
        "adoption.views.registration:UseCaseNewPage.get_context_data "
        "teams_visible_to(user) gives everything",
    ),
    _SEES_IDENTITIES: (
        "adoption.views.identities:IdentityListPage._guesses "
        "identities_visible_to(self.request.user) gives everything",
    ),
    _LEADS_SEE_ALL: (
        "adoption.views.team_import:GroupTeamNewPage.get_form_arguments "
        "teams_visible_to(self.request.user) gives everything",
    ),
    _LOOKED_UP: (
        "adoption.api.milestones:milestones_of milestones_visible_to(request.user) "
        "gives everything",
        "adoption.views.use_case_notes:CommentNewPage.allows may_comment(user) taken for yes",
    ),
    _LOOKED_UP_SNAPSHOT: (
        "adoption.views.snapshots:snapshot_page snapshots_visible_to(request.user) "
        "gives everything",
    ),
    _ASKED_BEFORE: (
        "adoption.views.home:first_steps use_cases_visible_to(user) gives everything",
        "adoption.views.home:first_steps programmes_visible_to(user) gives everything",
        "adoption.views.home:first_steps teams_visible_to(user) gives everything",
    ),
    _MAY_ALREADY: (
        "adoption.policies:may_end_standing holds(user, Role.APPROVER) also for finance",
        "adoption.policies:may_end_standing holds(user, Role.APPROVER) also for programme_lead",
    ),
    _ROW_BY_ROW: (
        "adoption.services.suggestions:_own Suggestion.objects.filter(pk=pk, user=actor) left out",
    ),
    _SIGNED_IN: (
        "adoption.views.suggestions:confirm_chosen may_log_delivery(request.user) taken for yes",
    ),
}
