"""Asking a provider by hand: does the connection work, and bring these days now."""

from __future__ import annotations

from datetime import timedelta

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST

from portal.forms.fetches import FetchForm
from portal.imports.contracts import ImportRefusedError, SourceUnavailableError
from portal.models import Connection, User
from portal.policies import may_run_imports
from portal.selectors.imports import connections_visible_to
from portal.services.fetching import fetch_spec, probe_connection, request_fetch_of_days
from portal.services.file_fetching import file_spec, probe_files, request_file_fetch
from portal.views.connections import connection_crumb, imports_crumb, person_of
from portal.work.registry import WorkRefusedError


@require_POST
def connection_probe(request: HttpRequest, slug: str) -> HttpResponse:
    """Make one small request to the provider and say what came of it."""
    person_of(request, allowed=may_run_imports(request.user))
    connection = get_object_or_404(connections_visible_to(request.user), slug=slug)
    try:
        if file_spec(connection) is not None:
            probe_files(connection=connection)
        else:
            probe_connection(connection=connection, at=timezone.now())
    except ImportRefusedError as error:
        messages.error(request, f"The connection does not work: {error}")
    except SourceUnavailableError as error:
        messages.warning(request, f"The provider cannot be reached just now: {error}")
    else:
        messages.success(request, "The connection works: the provider answered as it should.")
    return HttpResponseRedirect(reverse("connection", args=[connection.slug]))


@require_http_methods(["GET", "HEAD", "POST"])
def connection_fetch(request: HttpRequest, slug: str) -> HttpResponse:
    """Choose days; each month or so becomes a piece of background work of its own. Files that lie
    in a store are looked at as a whole: there are no days to choose."""
    person = person_of(request, allowed=may_run_imports(request.user))
    connection = get_object_or_404(connections_visible_to(request.user), slug=slug)
    page_url = reverse("connection", args=[connection.slug])
    if file_spec(connection) is not None and connection.is_active:
        return _files_page(request, connection, person)
    spec = fetch_spec(connection)
    if spec is None or not connection.is_active:
        messages.error(request, "This connection is switched off, or its source is not fetched.")
        return HttpResponseRedirect(page_url)
    today = timezone.now().date()
    form = FetchForm(
        request.POST if request.method == "POST" else None,
        initial={"start": today - timedelta(days=spec.reread_days), "end": today},
    )
    if request.method == "POST" and form.is_valid() and _asked(request, connection, form, person):
        return HttpResponseRedirect(page_url)
    context = {
        "page_title": "Fetch now",
        "page_lead": f"Into {connection.name}.",
        "breadcrumbs": [imports_crumb(), connection_crumb(connection)],
        "form": form,
        "submit_label": "Fetch",
        "cancel_url": page_url,
    }
    return render(request, "portal/imports/form_page.html", context)


def _files_page(request: HttpRequest, connection: Connection, person: User) -> HttpResponse:
    page_url = reverse("connection", args=[connection.slug])
    if request.method == "POST":
        request_file_fetch(connection=connection, actor=person, at=timezone.now())
        messages.success(
            request,
            "A look at the files is asked for. What is new becomes a run below, one for each "
            "delivery; until then it is listed under background work.",
        )
        return HttpResponseRedirect(page_url)
    context = {
        "page_title": "Fetch now",
        "page_lead": f"Into {connection.name}: every delivery that lies in the store and has not "
        "been taken yet. What has been taken is not read again.",
        "breadcrumbs": [imports_crumb(), connection_crumb(connection)],
        "form": forms.Form(),
        "submit_label": "Look for new files",
        "cancel_url": page_url,
    }
    return render(request, "portal/imports/form_page.html", context)


def _asked(request: HttpRequest, connection: Connection, form: FetchForm, person: User) -> bool:
    try:
        items = request_fetch_of_days(
            connection=connection,
            start=form.cleaned_data["start"],
            end=form.cleaned_data["end"],
            actor=person,
            at=timezone.now(),
        )
    except WorkRefusedError as error:
        form.add_error("end", str(error))
        return False
    many = f"{len(items)} fetches" if len(items) > 1 else "A fetch"
    messages.success(
        request,
        f"{many} asked for. Each becomes a run below once the provider has answered completely; "
        "until then it is listed under background work.",
    )
    return True
