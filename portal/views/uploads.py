"""Giving files to a connection."""

from __future__ import annotations

from typing import cast

from django.contrib import messages
from django.core.files.uploadedfile import UploadedFile
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from portal.choices import RunTrigger
from portal.forms.uploads import UploadForm
from portal.imports.contracts import ImportRefusedError
from portal.imports.registry import import_sources
from portal.models import Connection, ImportRun, User
from portal.policies import may_run_imports
from portal.selectors.imports import connections_visible_to, open_run_of
from portal.services.imports import Upload, request_import
from portal.uploads import takes_files
from portal.views.connections import connection_crumb, imports_crumb, person_of
from portal.views.import_runs import send_on_commit


@takes_files
@require_http_methods(["GET", "HEAD", "POST"])
def upload_page(request: HttpRequest, slug: str) -> HttpResponse:
    """Choose files, queue a run, and go to its page, which shows how it goes on."""
    person = person_of(request, allowed=may_run_imports(request.user))
    connection = get_object_or_404(connections_visible_to(request.user), slug=slug)
    page_url = reverse("connection", args=[connection.slug])
    if not connection.is_active or connection.source not in import_sources:
        messages.error(request, "This connection is switched off, so nothing is imported.")
        return HttpResponseRedirect(page_url)
    source = import_sources.get(connection.source)
    form = UploadForm(
        request.POST if request.method == "POST" else None,
        request.FILES if request.method == "POST" else None,
        accept=source.accept,
        summary=source.summary,
    )
    if request.method == "POST" and form.is_valid():
        try:
            run = _request_run(connection, form, person)
        except ImportRefusedError as error:
            form.add_error("uploads", str(error))
        else:
            send_on_commit(request, run)
            return HttpResponseRedirect(reverse("import-run", args=[run.pk]))
    context = {
        "page_title": "Import files",
        "page_lead": f"Into {connection.name}.",
        "breadcrumbs": [imports_crumb(), connection_crumb(connection)],
        "form": form,
        "has_files": True,
        "open_run": open_run_of(connection),
        "submit_label": "Import",
        "cancel_url": page_url,
    }
    return render(request, "portal/imports/form_page.html", context)


def _request_run(connection: Connection, form: UploadForm, person: User) -> ImportRun:
    data = form.cleaned_data
    files = cast(list[UploadedFile], data["uploads"])
    return request_import(
        connection=connection,
        # An uploaded file reads like any other binary file; its stubs do not say so.
        inputs=[Upload(str(each.name), each) for each in files],  # type: ignore[arg-type]
        trigger=RunTrigger.UPLOAD,
        at=timezone.now(),
        actor=person,
        window_start=data["window_start"],
        window_end=data["window_end"],
        is_dry_run=data["is_dry_run"],
    )
