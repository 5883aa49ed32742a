"""Administration of people: who there is, who holds what, and what is done about an account."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from portal.audit.context import because
from portal.filters.people import GrantFilters, PersonFilters
from portal.forms.people import ReasonForm
from portal.models import User
from portal.policies import (
    may_manage_people,
    may_request_roles,
    may_revoke_roles,
    may_see_people,
)
from portal.selectors.people import (
    events_of,
    grants_of,
    grants_visible_to,
    lockout_of,
    people_visible_to,
)
from portal.services.lockouts import unlock_account
from portal.services.people import (
    PersonRefusedError,
    deactivate_person,
    end_sessions,
    reactivate_person,
    reset_second_factor,
)
from portal.shell.navigation import Visitor
from portal.shell.paging import Source
from portal.shell.views import Action, Crumb, EmptyState, ListPage
from portal.tables.people import GrantTable, PersonTable
from portal.views.connections import person_of


class PersonListPage(ListPage):
    """All accounts."""

    title = "People"
    lead = "Who can sign in, with which roles."
    noun_plural = "people"
    export_name = "people"
    table_class = PersonTable
    filterset_class = PersonFilters

    def allows(self, user: Visitor) -> bool:
        return may_see_people(user)  # type: ignore[arg-type]

    def get_queryset(self) -> Source:
        return people_visible_to(self.request.user)

    def get_actions(self) -> Sequence[Action]:
        return [Action("Roles held", reverse("role-grant-list"))]


class GrantListPage(ListPage):
    """Who holds which role, since when, by whom and by which way."""

    title = "Roles held"
    lead = "Who holds what, since when, and who gave it."
    noun_plural = "roles held"
    export_name = "roles-held"
    table_class = GrantTable
    filterset_class = GrantFilters

    def allows(self, user: Visitor) -> bool:
        return may_see_people(user)  # type: ignore[arg-type]

    def get_queryset(self) -> Source:
        return grants_visible_to(self.request.user)

    def get_breadcrumbs(self) -> Sequence[Crumb]:
        return [Crumb("People", reverse("person-list"))]

    def get_empty(self) -> EmptyState:
        return EmptyState("Nobody holds a role", "The first one is given at the command line.")


@require_safe
def person_page(request: HttpRequest, pk: int) -> HttpResponse:
    """One account: how it signs in, what it holds, what happened at the door."""
    viewer = person_of(request, allowed=may_see_people(request.user))
    person = get_object_or_404(people_visible_to(viewer), pk=pk)
    now = timezone.now()
    context = {
        "page_title": person.get_full_name(),
        "page_lead": person.username,
        "breadcrumbs": [Crumb("People", reverse("person-list"))],
        "person": person,
        "grants": grants_of(person),
        "events": events_of(person),
        "role_request_url": (
            reverse("role-ask", args=[person.pk]) if may_request_roles(viewer) else ""
        ),
        "may_revoke": may_revoke_roles(viewer),
        "lockout": lockout_of(person, at=now),
        "erasure_url": reverse("person-erasure", args=[person.pk]) if not person.is_active else "",
        "actions": _actions_on(person, viewer, is_locked=lockout_of(person, at=now).failures > 0),
    }
    return render(request, "portal/people/person_detail.html", context)


@dataclass(frozen=True, slots=True)
class PersonAction:
    """Something an administrator does to an account, with a reason."""

    key: str
    title: str
    text: str
    done: str
    act: Callable[..., Any]
    takes_reason: bool = True


ACTIONS = {
    action.key: action
    for action in (
        PersonAction(
            "deactivate",
            "Deactivate",
            "No sign-in, no session, no API token and no role, from this moment on. What was done "
            "stays.",
            "Deactivated, and signed out everywhere.",
            deactivate_person,
        ),
        PersonAction(
            "reactivate",
            "Reactivate",
            "Signing in works again, without any role: roles are asked for anew.",
            "Active again, without roles.",
            reactivate_person,
        ),
        PersonAction(
            "reset-second-factor",
            "Reset the second factor",
            "For a lost telephone. All sessions end; the next sign-in asks to set up another one. "
            "Make sure that you speak with the person.",
            "The second factor is reset.",
            reset_second_factor,
        ),
        PersonAction(
            "unlock",
            "Unlock",
            "Failed attempts are forgotten, so that the person can try again at once.",
            "Unlocked.",
            unlock_account,
            takes_reason=False,
        ),
        PersonAction(
            "end-sessions",
            "Sign out everywhere",
            "Every session ends at once. Signing in again works.",
            "Signed out everywhere.",
            end_sessions,
            takes_reason=False,
        ),
    )
}


def _actions_on(person: User, viewer: User, *, is_locked: bool) -> list[PersonAction]:
    if not may_manage_people(viewer) or person.pk == viewer.pk:
        return []
    keys = ["deactivate", "end-sessions"] if person.is_active else ["reactivate"]
    if getattr(person, "has_second_factor", False) and not person.is_break_glass:
        keys.append("reset-second-factor")
    if is_locked:
        keys.append("unlock")
    return [ACTIONS[key] for key in keys]


@require_http_methods(["GET", "HEAD", "POST"])
def person_action(request: HttpRequest, pk: int, action: str) -> HttpResponse:
    """Say why, and do it."""
    viewer = person_of(request, allowed=may_manage_people(request.user))
    person = get_object_or_404(people_visible_to(viewer), pk=pk)
    chosen = ACTIONS.get(action)
    if chosen is None:
        raise Http404(f"no action {action!r}")
    form = ReasonForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        reason = form.cleaned_data["reason"]
        because(reason)
        extra = {"reason": reason} if chosen.takes_reason else {}
        try:
            chosen.act(user=person, actor=viewer, at=timezone.now(), **extra)
        except PersonRefusedError as error:
            form.add_error(None, str(error))
        else:
            messages.success(request, chosen.done)
            return HttpResponseRedirect(reverse("person", args=[person.pk]))
    context = {
        "page_title": f"{chosen.title}: {person.get_full_name()}",
        "page_lead": chosen.text,
        "breadcrumbs": [
            Crumb("People", reverse("person-list")),
            Crumb(person.get_full_name(), reverse("person", args=[person.pk])),
        ],
        "form": form,
        "submit_label": chosen.title,
        "cancel_url": reverse("person", args=[person.pk]),
    }
    return render(request, "portal/people/form_page.html", context)
