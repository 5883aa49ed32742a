"""Asking that a person gets a role, and taking one away."""

from __future__ import annotations

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from portal.approvals.errors import ApprovalRefusedError
from portal.approvals.registry import SubjectGoneError
from portal.choices import Role
from portal.forms.approvals import AskForRoleForm, ReasonForm
from portal.models import User
from portal.policies import may_request_roles, may_revoke_roles, may_see_people
from portal.services.roles import request_role, revoke_role
from portal.shell.views import Crumb
from portal.views.connections import person_of


def _crumbs(request: HttpRequest, person: User) -> list[Crumb]:
    """The way back, where it is open: a programme lead may ask, and sees no list of people."""
    if not may_see_people(request.user):
        return []
    return [
        Crumb("People", reverse("person-list")),
        Crumb(person.get_full_name(), reverse("person", args=[person.pk])),
    ]


@require_http_methods(["GET", "HEAD", "POST"])
def role_ask(request: HttpRequest, pk: int) -> HttpResponse:
    """Ask for a role; somebody who gains nothing by it approves."""
    actor = person_of(request, allowed=may_request_roles(request.user))
    person = get_object_or_404(User, pk=pk)
    form = AskForRoleForm(request.POST if request.method == "POST" else None, held=person.roles)
    if request.method == "POST" and form.is_valid():
        try:
            asked = request_role(
                user=person,
                role=Role(form.cleaned_data["role"]),
                reason=form.cleaned_data["reason"],
                actor=actor,
                at=timezone.now(),
            )
        except ApprovalRefusedError as error:
            form.add_error(None, error.reason)
        except SubjectGoneError as error:
            form.add_error(None, str(error))
        else:
            messages.success(request, "Asked. The role is given when somebody has approved.")
            return HttpResponseRedirect(reverse("approval", args=[asked.pk]))
    crumbs = _crumbs(request, person)
    context = {
        "page_title": f"Ask for a role for {person}",
        "page_lead": "Another person, who is neither of you two, approves it.",
        "breadcrumbs": crumbs,
        "form": form,
        "submit_label": "Ask",
        "cancel_url": crumbs[-1].url if crumbs else reverse("approval-list"),
    }
    return render(request, "portal/approvals/form_page.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
def role_revoke(request: HttpRequest, pk: int, role: str) -> HttpResponse:
    """Take a role away at once, with a reason."""
    actor = person_of(request, allowed=may_revoke_roles(request.user))
    person = get_object_or_404(User, pk=pk)
    if role not in Role.values:
        raise Http404(f"there is no role {role!r}")
    form = ReasonForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        try:
            was_held = revoke_role(
                user=person,
                role=Role(role),
                reason=form.cleaned_data["reason"],
                actor=actor,
                at=timezone.now(),
            )
        except ApprovalRefusedError as error:
            form.add_error(None, error.reason)
        else:
            if was_held:
                messages.success(request, f"{Role(role).label} taken away from {person}.")
            else:
                messages.info(request, f"{person} did not hold this role.")
            return HttpResponseRedirect(reverse("person", args=[person.pk]))
    context = {
        "page_title": f"Take away: {Role(role).label}",
        "page_lead": f"{person} loses this role at once. To get it back takes an approval.",
        "breadcrumbs": _crumbs(request, person),
        "form": form,
        "submit_label": "Take it away",
        "is_dangerous": True,
        "cancel_url": reverse("person", args=[person.pk]),
    }
    return render(request, "portal/approvals/form_page.html", context)
