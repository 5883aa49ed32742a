"""Pages about programmes."""

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

from adoption.filters.programmes import ProgrammeFilters
from adoption.forms.programmes import MONTHS, ProgrammeForm
from adoption.forms.widgets import last_day_before
from adoption.models import Programme
from adoption.policies import may_edit_programmes, may_see_registry
from adoption.selectors.programmes import (
    programmes_visible_to,
    programmes_with_counts,
    standing_of,
)
from adoption.services.programmes import create_programme, update_programme
from adoption.tables.programmes import ProgrammeTable
from adoption.views.form_page import FormPage
from portal.models import User
from portal.policies import AnyUser
from portal.shell.navigation import Visitor
from portal.shell.paging import Source
from portal.shell.views import Action, Crumb, EmptyState, ListPage

FIELDS = (
    "name",
    "owner",
    "starts_on",
    "ends_on",
    "currency",
    "time_zone",
    "fiscal_year_start_month",
)


def programmes_crumb() -> Crumb:
    return Crumb("Programmes", reverse("programme-list"))


class ProgrammeListPage(ListPage):
    """All programmes."""

    title = "Programmes"
    lead = "A programme has an owner, a period, a currency to report in and a zone to cut days in."
    noun_plural = "programmes"
    export_name = "programmes"
    table_class = ProgrammeTable
    filterset_class = ProgrammeFilters
    template_name = "adoption/programme_list.html"
    fragment_template_name = "adoption/_programme_table.html"

    def allows(self, user: Visitor) -> bool:
        return may_see_registry(user)  # type: ignore[arg-type]

    def get_queryset(self) -> Source:
        return programmes_with_counts(self.request.user)

    def get_empty(self) -> EmptyState:
        text = "Use cases, milestones and cost belong to a programme, so it comes first."
        if not may_edit_programmes(self.request.user):
            return EmptyState("No programme yet", f"{text} A programme lead can create it.")
        return EmptyState("No programme yet", text, "Create a programme", reverse("programme-new"))

    def get_actions(self) -> Sequence[Action]:
        if not may_edit_programmes(self.request.user):
            return ()
        return [Action("Create a programme", reverse("programme-new"), is_primary=True)]


@require_safe
def programme_page(request: HttpRequest, slug: str) -> HttpResponse:
    """One programme: its frame, and how its use cases and milestones stand."""
    programme = get_object_or_404(
        programmes_visible_to(request.user).select_related("owner"), slug=slug
    )
    context = {
        "page_title": programme.name,
        "breadcrumbs": [programmes_crumb()],
        "programme": programme,
        "last_day": last_day_before(programme.ends_on),
        "fiscal_month": MONTHS[programme.fiscal_year_start_month - 1],
        "standing": standing_of(programme),
        "portfolio_url": f"{reverse('portfolio')}?programme={programme.slug}",
        "may_edit": may_edit_programmes(request.user),
        "empty": EmptyState(
            "No use case belongs to this programme yet",
            "Register the first one, or move one here by editing it.",
            "Register a use case",
            reverse("use-case-new"),
        ),
    }
    return render(request, "adoption/programme_detail.html", context)


class ProgrammeNewPage(FormPage):
    """Create a programme."""

    form_class = ProgrammeForm
    title = "Create a programme"
    submit_label = "Create"
    done_message = "Created."

    def allows(self, user: AnyUser) -> bool:
        return may_edit_programmes(user)

    def get_initial(self) -> dict[str, Any]:
        return {"owner": self.request.user.pk}

    def get_breadcrumbs(self) -> Sequence[Crumb]:
        return [programmes_crumb()]

    def save(self, form: forms.Form, user: User) -> str:
        data = form.cleaned_data
        programme = create_programme(
            **{name: data[name] for name in FIELDS}, actor=user, at=timezone.now()
        )
        return reverse("programme", args=[programme.slug])


class ProgrammeEditPage(FormPage):
    """Change a programme."""

    form_class = ProgrammeForm
    title = "Edit the programme"
    done_message = "Saved."

    @cached_property
    def programme(self) -> Programme:
        return get_object_or_404(programmes_visible_to(self.request.user), slug=self.kwargs["slug"])

    def load(self) -> None:
        self.programme  # noqa: B018  (404 comes before 403)

    def allows(self, user: AnyUser) -> bool:
        return may_edit_programmes(user)

    def get_initial(self) -> dict[str, Any]:
        return {name: getattr(self.programme, name) for name in FIELDS}

    def get_breadcrumbs(self) -> Sequence[Crumb]:
        url = reverse("programme", args=[self.programme.slug])
        return [programmes_crumb(), Crumb(self.programme.name, url)]

    def save(self, form: forms.Form, user: User) -> str:
        data = form.cleaned_data
        programme = update_programme(
            programme_id=self.programme.pk,
            **{name: data[name] for name in FIELDS},
            actor=user,
            at=timezone.now(),
        )
        return reverse("programme", args=[programme.slug])
