"""Pages about connections: the list, one connection, and configuring it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from portal.choices import RejectionPolicy
from portal.filters.connections import ConnectionFilters
from portal.forms.config_fields import config_errors, config_in_words
from portal.forms.connections import ConnectionForm, NewConnectionForm
from portal.imports.registry import ImportSource, import_sources
from portal.models import Connection, User
from portal.policies import may_configure_connections, may_run_imports, may_see_imports
from portal.selectors.credentials import credential_facts
from portal.selectors.imports import (
    connections_visible_to,
    connections_with_standing,
    runs_visible_to,
)
from portal.services.connections import (
    ConnectionConfigError,
    create_connection,
    update_connection,
)
from portal.services.fetching import fetch_spec
from portal.services.file_fetching import file_spec
from portal.shell.htmx import is_fragment
from portal.shell.navigation import Visitor
from portal.shell.paging import Source
from portal.shell.views import Action, Crumb, EmptyState, ListPage
from portal.tables.connections import ConnectionTable, source_label
from portal.tables.import_runs import ConnectionRunTable


def imports_crumb() -> Crumb:
    return Crumb("Imports", reverse("connection-list"))


def connection_crumb(connection: Connection) -> Crumb:
    return Crumb(connection.name, reverse("connection", args=[connection.slug]))


def person_of(request: HttpRequest, *, allowed: bool) -> User:
    """The signed-in person, when the policy that the caller asked says yes.

    Raises:
        PermissionDenied: it says no, or nobody is signed in.
    """
    if not allowed or not isinstance(request.user, User):
        raise PermissionDenied
    return request.user


class ConnectionListPage(ListPage):
    """All connections, each with how fresh its data is and what waits for a person."""

    title = "Imports"
    lead = "Where data comes from, how fresh it is, and what waits for a person."
    noun_plural = "connections"
    export_name = "connections"
    table_class = ConnectionTable
    filterset_class = ConnectionFilters
    template_name = "portal/imports/connection_list.html"
    fragment_template_name = "portal/imports/_connection_table.html"

    def allows(self, user: Visitor) -> bool:
        return may_see_imports(user)  # type: ignore[arg-type]

    def get_queryset(self) -> Source:
        return connections_with_standing(self.request.user)

    def get_empty(self) -> EmptyState:
        text = "A connection says which source is read, how, and what happens to bad rows."
        if not may_configure_connections(self.request.user):
            return EmptyState("No connection yet", f"{text} An administrator can make one.")
        return EmptyState("No connection yet", text, "New connection", reverse("connection-new"))

    def get_actions(self) -> Sequence[Action]:
        actions = [
            Action("All runs", reverse("import-run-list")),
            Action("Quarantine", f"{reverse('rejected-row-list')}?state=waiting"),
        ]
        if may_configure_connections(self.request.user):
            actions.append(Action("New connection", reverse("connection-new"), is_primary=True))
        return actions


@require_safe
def connection_page(request: HttpRequest, slug: str) -> HttpResponseBase:
    """One connection: its configuration, its standing and its runs."""
    person_of(request, allowed=may_see_imports(request.user))
    connection = get_object_or_404(connections_with_standing(request.user), slug=slug)
    runs = ConnectionRunTable(
        runs_visible_to(request.user).filter(connection=connection),
        query=request.GET,
        path=request.path,
        target="runs",
    )
    is_known = connection.source in import_sources
    config_model = import_sources.get(connection.source).config_model if is_known else None
    context = {
        "page_title": connection.name,
        "page_lead": f"{source_label(connection.source)}, as {connection.slug}.",
        "breadcrumbs": [imports_crumb()],
        "connection": connection,
        "credential": credential_facts(connection),
        "settings": config_in_words(config_model, connection.config) if config_model else [],
        "unfit": config_errors(config_model, connection.config) if config_model else [],
        "is_known": is_known,
        "table": runs,
        "may_configure": is_known and may_configure_connections(request.user),
        "may_upload": is_known and connection.is_active and may_run_imports(request.user),
        "is_fetched": fetch_spec(connection) is not None or file_spec(connection) is not None,
        "empty": EmptyState("Nothing imported yet", "The first run appears here."),
    }
    if is_fragment(request):
        return render(request, "portal/imports/_connection_runs.html", context)
    return render(request, "portal/imports/connection_detail.html", context)


def _chosen_source(request: HttpRequest) -> ImportSource | None:
    key = request.GET.get("source", "")
    if not key:
        return None
    if key not in import_sources:
        raise Http404(f"no import source {key!r}")
    return import_sources.get(key)


@require_http_methods(["GET", "HEAD", "POST"])
def connection_new(request: HttpRequest) -> HttpResponse:
    """Choose a source, then name and configure the connection."""
    person = person_of(request, allowed=may_configure_connections(request.user))
    source = _chosen_source(request)
    context: dict[str, Any] = {
        "page_title": "New connection",
        "breadcrumbs": [imports_crumb()],
        "cancel_url": reverse("connection-list"),
        "submit_label": "Create",
    }
    if source is None:
        context["sources"] = list(import_sources)
        return render(request, "portal/imports/source_choice.html", context)
    form = NewConnectionForm(
        request.POST if request.method == "POST" else None,
        source=source,
        config={},
        initial={"rejection_policy": RejectionPolicy.QUARANTINE},
    )
    if request.method == "POST" and form.is_valid():
        data = form.cleaned_data
        try:
            connection = create_connection(
                slug=data["slug"],
                source=source.key,
                name=data["name"],
                config=data["config"],
                rejection_policy=data["rejection_policy"],
                actor=person,
                at=timezone.now(),
                credential=form.credential_change,
            )
        except (ConnectionConfigError, ValidationError) as error:
            form.add_refusal(error)
        else:
            messages.success(request, "Created. Give it its first files.")
            return HttpResponseRedirect(reverse("connection", args=[connection.slug]))
    context |= {"form": form, "page_lead": f"{source.label}. {source.summary}"}
    return render(request, "portal/imports/form_page.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
def connection_edit(request: HttpRequest, slug: str) -> HttpResponse:
    """Change name, configuration, policy and activity."""
    person = person_of(request, allowed=may_configure_connections(request.user))
    connection = get_object_or_404(connections_visible_to(request.user), slug=slug)
    if connection.source not in import_sources:
        raise Http404(f"no import source {connection.source!r}")
    form = ConnectionForm(
        request.POST if request.method == "POST" else None,
        source=import_sources.get(connection.source),
        config=connection.config,
        initial=ConnectionForm.initial_of(connection),
    )
    if request.method == "POST" and form.is_valid():
        data = form.cleaned_data
        try:
            is_forgotten = update_connection(
                connection=connection,
                name=data["name"],
                config=data["config"],
                rejection_policy=data["rejection_policy"],
                is_active=data["is_active"],
                at=timezone.now(),
                actor=person,
                credential=form.credential_change,
            )
        except (ConnectionConfigError, ValidationError) as error:
            form.add_refusal(error)
        else:
            messages.success(request, "Saved. It holds from the next run on.")
            if is_forgotten:
                messages.warning(
                    request,
                    "The address changed, so the credential was forgotten. Give it again.",
                )
            return HttpResponseRedirect(reverse("connection", args=[connection.slug]))
    context = {
        "page_title": f"Configure {connection.name}",
        "page_lead": import_sources.get(connection.source).summary,
        "breadcrumbs": [imports_crumb(), connection_crumb(connection)],
        "cancel_url": reverse("connection", args=[connection.slug]),
        "submit_label": "Save",
        "form": form,
    }
    return render(request, "portal/imports/form_page.html", context)
