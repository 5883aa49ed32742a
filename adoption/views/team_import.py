"""Taking a list of teams from a file, and which sign-in groups are which teams."""

from __future__ import annotations

from collections.abc import Sequence

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import cached_property
from django.views.decorators.http import require_http_methods

from adoption.forms.identities import ConfirmForm
from adoption.forms.team_import import GroupTeamForm, TeamImportForm
from adoption.models import GroupTeam
from adoption.policies import may_edit_programmes
from adoption.selectors.teams import groups_visible_to, teams_visible_to
from adoption.services.group_teams import map_group, unmap_group
from adoption.services.team_import import (
    TeamListRefusedError,
    TeamPlan,
    apply_team_list,
    plan_team_list,
)
from adoption.tables.teams import GroupTeamTable
from adoption.team_files import read_team_file
from adoption.views.form_page import FormPage, signed_in
from adoption.views.teams import teams_crumb
from portal.models import User
from portal.policies import AnyUser
from portal.shell.navigation import Visitor
from portal.shell.paging import Source
from portal.shell.views import Action, Crumb, EmptyState, ListPage
from portal.uploads import takes_files

ORIGIN = "file"


@takes_files
@require_http_methods(["GET", "HEAD", "POST"])
def team_import_page(request: HttpRequest) -> HttpResponse:
    """Choose a file, see what it would change, and take it."""
    if not may_edit_programmes(request.user):
        raise PermissionDenied
    is_posted = request.method == "POST"
    form = TeamImportForm(request.POST if is_posted else None, request.FILES if is_posted else None)
    plan: TeamPlan | None = None
    if is_posted and form.is_valid():
        content: bytes = form.cleaned_data["content"]
        said, now = read_team_file(content), timezone.now()
        if "apply" in request.POST:
            try:
                done = apply_team_list(
                    said=said, origin=ORIGIN, on=now.date(), actor=signed_in(request), at=now
                )
            except TeamListRefusedError as error:
                plan = TeamPlan(problems=error.problems)
            else:
                messages.success(request, f"Taken: {len(done.steps)} changes.")
                return HttpResponseRedirect(reverse("team-list"))
        else:
            plan = plan_team_list(said=said, origin=ORIGIN, on=now.date())
        if not plan.problems:
            form = TeamImportForm(initial={"text": content.decode("utf-8-sig")})
    context = {
        "page_title": "Import teams",
        "page_lead": "A whole list: who is not in it any more leaves, and is never deleted.",
        "breadcrumbs": [teams_crumb()],
        "form": form,
        "plan": plan,
        "may_apply": plan is not None and not plan.problems and bool(plan.steps),
        "cancel_url": reverse("team-list"),
    }
    return render(request, "adoption/team_import.html", context)


class GroupTeamListPage(ListPage):
    """Which groups of the identity provider are which teams."""

    title = "Sign-in groups"
    lead = "Who signs in with such a group belongs to the team from that day, until a sign-in "
    lead += "without it."
    noun_plural = "groups"
    export_name = "sign-in-groups"
    table_class = GroupTeamTable

    def allows(self, user: Visitor) -> bool:
        return may_edit_programmes(user)  # type: ignore[arg-type]

    def get_queryset(self) -> Source:
        return groups_visible_to(self.request.user)

    def get_breadcrumbs(self) -> Sequence[Crumb]:
        return [teams_crumb()]

    def get_actions(self) -> Sequence[Action]:
        return [Action("Map a group", reverse("group-team-new"), is_primary=True)]

    def get_empty(self) -> EmptyState:
        return EmptyState(
            "No group is mapped",
            "Teams can follow the groups that the identity provider sends when people sign in.",
            "Map a group",
            reverse("group-team-new"),
        )


class _GroupForm(FormPage):
    def allows(self, user: AnyUser) -> bool:
        return may_edit_programmes(user)

    def get_breadcrumbs(self) -> Sequence[Crumb]:
        return [teams_crumb(), Crumb("Sign-in groups", reverse("group-team-list"))]


class GroupTeamNewPage(_GroupForm):
    """Say that a group is a team."""

    form_class = GroupTeamForm
    title = "Map a group to a team"
    submit_label = "Map"
    done_message = "Mapped. It counts from the next sign-in of each person."

    def get_form_arguments(self) -> dict[str, object]:
        return {"teams": teams_visible_to(self.request.user).order_by("name", "pk")}

    def save(self, form: forms.Form, user: User) -> str:
        map_group(
            group=form.cleaned_data["group"],
            team=form.cleaned_data["team"],
            actor=user,
            at=timezone.now(),
        )
        return reverse("group-team-list")


class GroupTeamRemovePage(_GroupForm):
    """Say that a group is no team any more."""

    form_class = ConfirmForm
    title = "Remove the mapping"
    lead = "People leave the team at their next sign-in; the days on which they belonged stay."
    submit_label = "Remove"
    done_message = "Removed."
    is_dangerous = True

    @cached_property
    def mapping(self) -> GroupTeam:
        return get_object_or_404(groups_visible_to(self.request.user), pk=self.kwargs["pk"])

    def allows(self, user: AnyUser) -> bool:
        return may_edit_programmes(user) and bool(self.mapping)

    def save(self, form: forms.Form, user: User) -> str:
        unmap_group(mapping=self.mapping, actor=user, at=timezone.now())
        return reverse("group-team-list")
