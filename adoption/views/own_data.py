"""“What is stored about me”: the page, the export, and corrections. One's own only, by design."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.contrib import messages
from django.core.exceptions import BadRequest, PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from adoption.choices import DeclarationChannel, Involvement
from adoption.policies import may_log_delivery
from adoption.selectors.own_data import (
    ABOUT,
    SHOWN,
    as_json,
    own_change,
    own_changes,
    own_data,
    own_identity,
)
from adoption.services.declarations import correct_change
from adoption.services.identities import link_identity
from adoption.services.suggestions import refresh_suggestions
from adoption.views.deliveries import own_crumb
from adoption.views.form_page import signed_in
from portal.limits import take_turn
from portal.shell.exports import csv_response
from portal.shell.formats import date_text, moment_text

_SAYS = {"ai": Involvement.AI, "human": Involvement.HUMAN, "nothing": None}


def _refuse_who_may_not(request: HttpRequest) -> None:
    if not may_log_delivery(request.user):
        raise PermissionDenied


@require_safe
def own_data_page(request: HttpRequest) -> HttpResponse:
    """Everything that is stored about the person who looks."""
    _refuse_who_may_not(request)
    changes = [(change, _correction(change)) for change in own_changes(request.user, limit=SHOWN)]
    context = {
        "page_title": "What is stored about me",
        "page_lead": "All of it, for you alone: nobody else has a page, an export or a filter "
        "that shows a person's suggestions, deliveries or changes.",
        "breadcrumbs": [own_crumb()],
        "sections": [
            {
                "section": section,
                "headings": [_heading(name) for name in section.headings],
                "rows": [[_shown(value) for value in row] for row in section.rows],
            }
            for section in own_data(request.user, limit=SHOWN)
        ],
        "changes": changes,
        "identities": list(signed_in(request).identities.order_by("kind", "value", "pk")),
    }
    return render(request, "adoption/own_data.html", context)


def _heading(name: str) -> str:
    """`use_case_title` as a person reads it."""
    return name.replace("_", " ").capitalize()


def _shown(value: Any) -> str:
    """A value as text; what is not there is a dash."""
    value = _cell(value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, dt.datetime):
        return moment_text(value)
    if isinstance(value, dt.date):
        return date_text(value)
    return "–" if value is None or value == "" else str(value)[:300]


def _correction(change: Any) -> str:
    """What the person said themselves: `ai`, `human` or nothing."""
    said = [
        each.says
        for each in change.declarations.all()
        if each.channel == DeclarationChannel.CORRECTION
    ]
    return said[0] if said else ""


@require_safe
def own_data_export(request: HttpRequest) -> HttpResponseBase:
    """Everything as one JSON document, or one section as CSV (`?section=deliveries`).

    Raises:
        BadRequest: there is no such section.
        TooManyRequestsError: the person exports too often.
    """
    _refuse_who_may_not(request)
    wanted = str(request.GET.get("section", ""))
    if wanted and wanted not in ABOUT:
        raise BadRequest("there is no such section")
    take_turn("export", f"person {request.user.pk}")
    sections = own_data(request.user, only=[wanted] if wanted else None)
    if not sections:
        raise PermissionDenied
    if wanted:
        (section,) = sections
        rows = ([_cell(value) for value in row] for row in section.rows)
        return csv_response(f"my-{wanted.replace('_', '-')}", section.headings, rows)
    response = JsonResponse(
        as_json(sections, at=timezone.now(), plain=_plain),
        json_dumps_params={"ensure_ascii": False, "indent": 1},
    )
    response.headers["Content-Disposition"] = 'attachment; filename="my-data.json"'
    response.headers["Cache-Control"] = "private, no-store"
    return response


def _plain(value: Any) -> Any:
    if isinstance(value, dt.datetime):
        return value.astimezone(dt.UTC).isoformat()
    if isinstance(value, dt.date):
        return value.isoformat()
    return value


def _cell(value: Any) -> Any:
    """Candidates of a suggestion are read as words in a table."""
    if isinstance(value, list):
        return "; ".join(reason["text"] for each in value[:1] for reason in each["reasons"])
    return value


@require_POST
def correct_own_change(request: HttpRequest, pk: int) -> HttpResponse:
    """Say that AI had a part in one's own change, or had none, or take that back."""
    _refuse_who_may_not(request)
    change = own_change(request.user, pk)
    if change is None:
        raise Http404(f"no own change {pk}")
    says = str(request.POST.get("says", ""))
    if says not in _SAYS:
        raise BadRequest("say ai, human or nothing")
    now = timezone.now()
    correct_change(change=change, says=_SAYS[says], actor=signed_in(request), at=now)
    refresh_suggestions(at=now, repository_ids=[change.repository_id])
    messages.success(request, "Noted. No change of rules touches what you said.")
    return HttpResponseRedirect(f"{reverse('own-data')}#changes")


@require_POST
def disown_identity(request: HttpRequest, pk: int) -> HttpResponse:
    """Say that a name is not one's own: it goes back to the queue, its suggestions end."""
    _refuse_who_may_not(request)
    identity = own_identity(request.user, pk)
    if identity is None:
        raise Http404(f"no own identity {pk}")
    now = timezone.now()
    link_identity(identity=identity, user=None, actor=signed_in(request), at=now)
    refresh_suggestions(at=now)
    messages.success(
        request, f"“{identity.value}” is no longer linked to you; somebody will look whose it is."
    )
    return HttpResponseRedirect(f"{reverse('own-data')}#identities")
