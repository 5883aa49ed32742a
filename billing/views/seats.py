"""Entering seats: a form that makes the same import as a file would."""

from __future__ import annotations

from typing import Any, cast

from django.core.exceptions import PermissionDenied
from django.core.files.uploadedfile import UploadedFile
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from billing.forms.fields import USE_CASE_LIST
from billing.forms.seats import (
    MOST_GROUPS,
    BaseSeatGroupFormSet,
    SeatGroupFormSet,
    SubscriptionForm,
)
from billing.policies import may_edit_plans
from billing.selectors.use_cases import all_use_case_names
from billing.services.seat_entry import SeatsRefusedError, enter_seats
from portal.imports.contracts import ImportRefusedError
from portal.models import Connection, ImportRun, User
from portal.services.imports import Upload
from portal.shell.views import Crumb
from portal.uploads import takes_files
from portal.views.import_runs import send_on_commit

_PREFIX = "groups"


@takes_files
@require_http_methods(["GET", "HEAD", "POST"])
def seats_new_page(request: HttpRequest) -> HttpResponseBase:
    """Enter the seats of a subscription for one period, and go to the run that takes them."""
    if not may_edit_plans(request.user) or not isinstance(request.user, User):
        raise PermissionDenied
    if request.method != "POST":
        return _respond(request, SubscriptionForm(), SeatGroupFormSet(prefix=_PREFIX))
    if "add_group" in request.POST:
        return _respond(request, SubscriptionForm(request.POST), _longer(request), is_draft=True)
    form = SubscriptionForm(request.POST, request.FILES)
    groups = SeatGroupFormSet(request.POST, prefix=_PREFIX)
    if form.is_valid() & groups.is_valid():
        run = _enter(form, groups, request.user)
        if run is not None:
            send_on_commit(request, run)
            return HttpResponseRedirect(reverse("import-run", args=[run.pk]))
    return _respond(request, form, groups)


def _enter(form: SubscriptionForm, groups: BaseSeatGroupFormSet, person: User) -> ImportRun | None:
    filled = groups.filled()
    shared = form.cells()
    document = cast(UploadedFile | None, form.cleaned_data["document"])
    try:
        return enter_seats(
            connection=form.cleaned_data["connection"],
            rows=[{**shared, **group.cells()} for group in filled],
            # An uploaded file reads like any other binary file; its stubs do not say so.
            document=Upload(str(document.name), document) if document else None,  # type: ignore[arg-type]
            is_dry_run=form.cleaned_data["is_dry_run"],
            actor=person,
            at=timezone.now(),
        )
    except SeatsRefusedError as error:
        group = filled[error.index]
        place: Any = group if error.field in group.fields else form
        place.add_error(error.field if error.field in place.fields else None, error.reason)
    except ImportRefusedError as error:
        form.add_error("document", str(error))
    return None


def _longer(request: HttpRequest) -> BaseSeatGroupFormSet:
    """The groups as typed, with one more; a button that works without a script."""
    data = request.POST.copy()
    name = f"{_PREFIX}-TOTAL_FORMS"
    count = data.get(name, "0")
    data[name] = str(min(int(count) if count.isdecimal() else 0, MOST_GROUPS - 1) + 1)
    return SeatGroupFormSet(data, prefix=_PREFIX)


def _respond(
    request: HttpRequest,
    form: SubscriptionForm,
    groups: BaseSeatGroupFormSet,
    *,
    is_draft: bool = False,
) -> HttpResponse:
    has_connection = Connection.objects.filter(source="seats", is_active=True).exists()
    context = {
        "page_title": "Enter seats",
        "page_lead": "Subscriptions and licences that no API reports, with their invoice.",
        "breadcrumbs": [
            Crumb("Costs", reverse("costs")),
            Crumb("Price plans", reverse("price-plan-list")),
        ],
        "form": form,
        "groups": groups,
        "is_draft": is_draft,
        "has_connection": has_connection,
        "sections": [(heading, [form[name] for name in names]) for heading, names in form.sections],
        "use_cases": all_use_case_names(request.user),
        "use_case_list": USE_CASE_LIST,
        "cancel_url": reverse("price-plan-list"),
    }
    return render(request, "billing/seats_form.html", context)
