"""The erasure of a person: what it would take away, asking for it, and what became of it."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from portal.approvals.errors import ApprovalRefusedError
from portal.approvals.registry import SubjectGoneError
from portal.forms.people import ErasureForm
from portal.policies import may_request_erasures, may_see_erasures, may_see_people
from portal.selectors.erasures import (
    erasure_of,
    people_to_erase_visible_to,
    requests_to_erase_visible_to,
)
from portal.services.erasures import request_erasure
from portal.shell.views import Crumb
from portal.views.connections import person_of


@require_http_methods(["GET", "HEAD", "POST"])
def person_erasure(request: HttpRequest, pk: int) -> HttpResponse:
    """Who it is, what goes and what stays; administrators ask for it here."""
    allowed = may_request_erasures if request.method == "POST" else may_see_erasures
    viewer = person_of(request, allowed=allowed(request.user))
    person = get_object_or_404(people_to_erase_visible_to(viewer), pk=pk)
    form = ErasureForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        try:
            asked = request_erasure(
                person=person,
                reason=form.cleaned_data["reason"],
                actor=viewer,
                at=timezone.now(),
            )
        except ApprovalRefusedError as error:
            form.add_error(None, error.reason)
        except SubjectGoneError as error:
            form.add_error(None, str(error))
        else:
            messages.success(request, "Asked. It happens when somebody else has approved.")
            return HttpResponseRedirect(reverse("approval", args=[asked.pk]))
    found = erasure_of(person)
    may_ask = may_request_erasures(viewer) and viewer.pk != person.pk and not person.is_active
    crumbs = [Crumb("People", reverse("person-list"))] if may_see_people(viewer) else []
    context = {
        "page_title": f"Erase the person of account {person.pk}",
        "page_lead": "What names the person goes for ever. What they did stays, under a number.",
        "breadcrumbs": crumbs,
        "person": person,
        "found": found,
        "is_erased": not any(each.count for each in found),
        "requests": requests_to_erase_visible_to(viewer, person=person),
        "form": form if may_ask else None,
        "cancel_url": reverse("person", args=[person.pk]) if may_see_people(viewer) else "",
    }
    return render(request, "portal/people/erasure.html", context)
