"""Pages about teams and who belongs to them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import cached_property
from django.views.decorators.http import require_safe

from adoption.filters.teams import TeamFilters
from adoption.forms.teams import EndMembershipForm, MembershipForm, TeamForm
from adoption.models import Membership, Team
from adoption.policies import may_edit_programmes, may_see_registry
from adoption.selectors.headcount import team_headcount, weeks_before
from adoption.selectors.teams import memberships_of, team_path, team_records, teams_visible_to
from adoption.services.teams import add_membership, create_team, end_membership, update_team
from adoption.tables.teams import TeamTable
from adoption.views.form_page import FormPage
from portal.models import User
from portal.policies import AnyUser
from portal.shell.navigation import Visitor
from portal.shell.paging import Source
from portal.shell.views import Action, Crumb, EmptyState, ListPage

WEEKS_SHOWN = 8


def teams_crumb() -> Crumb:
    return Crumb("Teams", reverse("team-list"))


class TeamListPage(ListPage):
    """The organisation tree."""

    title = "Teams"
    lead = "The organisation tree. Headcounts come from dated memberships."
    noun_plural = "teams"
    export_name = "teams"
    table_class = TeamTable
    filterset_class = TeamFilters
    template_name = "adoption/team_list.html"
    fragment_template_name = "adoption/_team_table.html"

    def allows(self, user: Visitor) -> bool:
        return may_see_registry(user)  # type: ignore[arg-type]

    def get_queryset(self) -> Source:
        return teams_visible_to(self.request.user)

    def make_table(self, source: Source) -> TeamTable:
        # The order of a tree is not an order that the database knows.
        records = team_records(list(source), today=timezone.now().date())  # type: ignore[arg-type]
        return TeamTable(records, query=self.request.GET, path=self.request.path)

    def get_empty(self) -> EmptyState:
        text = "Use cases belong to teams, and headcounts come from who is in them."
        if not may_edit_programmes(self.request.user):
            return EmptyState("No team yet", f"{text} A programme lead can create them.")
        return EmptyState("No team yet", text, "Create a team", reverse("team-new"))

    def get_actions(self) -> Sequence[Action]:
        if not may_edit_programmes(self.request.user):
            return ()
        return [
            Action("Sign-in groups", reverse("group-team-list")),
            Action("Import teams", reverse("team-import")),
            Action("Create a team", reverse("team-new"), is_primary=True),
        ]


@require_safe
def team_page(request: HttpRequest, slug: str) -> HttpResponse:
    """One team: where it hangs, who belongs to it, its use cases."""
    team = get_object_or_404(teams_visible_to(request.user).select_related("parent"), slug=slug)
    today = timezone.now().date()
    context = {
        "page_title": team.name,
        "breadcrumbs": [
            teams_crumb(),
            *(Crumb(above.name, reverse("team", args=[above.slug])) for above in team_path(team)),
        ],
        "team": team,
        "children": team.children.order_by("name", "pk"),
        "memberships": memberships_of(team),
        "use_cases": team.use_cases.order_by("title", "pk"),
        "today": today,
        "headcounts": team_headcount(team_id=team.pk, weeks=weeks_before(today, WEEKS_SHOWN)),
        "portfolio_url": f"{reverse('portfolio')}?team={team.slug}",
        "may_edit": may_edit_programmes(request.user),
    }
    return render(request, "adoption/team_detail.html", context)


class TeamNewPage(FormPage):
    """Create a team."""

    form_class = TeamForm
    title = "Create a team"
    submit_label = "Create"
    done_message = "Created."

    def allows(self, user: AnyUser) -> bool:
        return may_edit_programmes(user)

    def get_breadcrumbs(self) -> Sequence[Crumb]:
        return [teams_crumb()]

    def get_initial(self) -> dict[str, Any]:
        above = teams_visible_to(self.request.user).filter(slug=self.request.GET.get("below", ""))
        return {"parent": above.first()}

    def save(self, form: forms.Form, user: User) -> str:
        data = form.cleaned_data
        team = create_team(name=data["name"], parent=data["parent"], actor=user, at=timezone.now())
        return reverse("team", args=[team.slug])


class TeamPart(FormPage):
    """A form about the team that the address names."""

    @cached_property
    def team(self) -> Team:
        return get_object_or_404(teams_visible_to(self.request.user), slug=self.kwargs["slug"])

    def load(self) -> None:
        self.team  # noqa: B018  (404 comes before 403)

    def allows(self, user: AnyUser) -> bool:
        return may_edit_programmes(user)

    def get_breadcrumbs(self) -> Sequence[Crumb]:
        return [teams_crumb(), Crumb(self.team.name, self.page_url())]

    def page_url(self) -> str:
        return reverse("team", args=[self.team.slug])


class TeamEditPage(TeamPart):
    """Rename a team or hang it elsewhere."""

    form_class = TeamForm
    title = "Edit the team"
    done_message = "Saved."

    def get_initial(self) -> dict[str, Any]:
        return {"name": self.team.name, "parent": self.team.parent_id}

    def save(self, form: forms.Form, user: User) -> str:
        update_team(
            team_id=self.team.pk,
            name=form.cleaned_data["name"],
            parent=form.cleaned_data["parent"],
            actor=user,
            at=timezone.now(),
        )
        return self.page_url()


class MembershipNewPage(TeamPart):
    """Add somebody to a team."""

    form_class = MembershipForm
    title = "Add a member"
    submit_label = "Add"
    done_message = "Added."

    def save(self, form: forms.Form, user: User) -> str:
        data = form.cleaned_data
        add_membership(
            team_id=self.team.pk,
            user=data["user"],
            starts_on=data["starts_on"],
            ends_on=data["ends_on"],
            actor=user,
            at=timezone.now(),
        )
        return self.page_url()


class MembershipEndPage(TeamPart):
    """Say when somebody leaves."""

    form_class = EndMembershipForm
    title = "End a membership"
    submit_label = "End it"
    done_message = "The membership ends."

    @cached_property
    def membership(self) -> Membership:
        memberships = Membership.objects.select_related("user")
        return get_object_or_404(memberships, pk=self.kwargs["pk"], team=self.team)

    def load(self) -> None:
        self.membership  # noqa: B018  (404 comes before 403)

    def get_context_data(self) -> dict[str, Any]:
        return {"page_lead": f"{self.membership.user}, since {self.membership.starts_on}."}

    def save(self, form: forms.Form, user: User) -> str:
        end_membership(
            membership_id=self.membership.pk,
            ends_on=form.cleaned_data["ends_on"],
            actor=user,
            at=timezone.now(),
        )
        return self.page_url()
