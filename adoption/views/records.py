"""The record of a use case: read, edit, and take the registry away as an inventory."""

from __future__ import annotations

from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from adoption.forms.records import RecordForm
from adoption.inventories import annex, omb
from adoption.inventories.fields import RECORD_FIELDS
from adoption.inventories.writing import FORMS, registry_text
from adoption.policies import may_edit_use_case
from adoption.selectors.inventories import inventory_records
from adoption.selectors.records import filled_groups, record_values
from adoption.selectors.stage_gates import profile_of
from adoption.selectors.use_cases import use_cases_visible_to
from adoption.services.use_cases import update_use_case
from adoption.views.use_cases import UseCasePart, use_case_crumbs, use_case_or_404
from portal.models import User
from portal.shell.exports import csv_response


@require_safe
def record_page(request: HttpRequest, slug: str) -> HttpResponse:
    """Everything that is filled in, and the words of forms that are kept as they came."""
    use_case = use_case_or_404(request.user, slug)
    profile = profile_of(use_case)
    context = {
        "page_title": "Record",
        "page_lead": use_case.title,
        "breadcrumbs": use_case_crumbs(use_case),
        "use_case": use_case,
        "groups": filled_groups(profile),
        "forms": [
            (form, sorted((name, cell) for name, cell in cells.items() if cell))
            for form, cells in sorted(profile.form_fields.items())
        ],
        "may_edit": may_edit_use_case(request.user, use_case),
    }
    return render(request, "adoption/record_detail.html", context)


class RecordEditPage(UseCasePart):
    """Change any field of the record."""

    form_class = RecordForm
    title = "Edit the record"
    lead = "Nothing here is required. Leave empty what nobody knows."
    done_message = "Saved."

    def get_initial(self) -> dict[str, Any]:
        values = record_values(profile_of(self.use_case))
        return {**values, "expected_version": self.use_case.version}

    def get_context_data(self) -> dict[str, Any]:
        return {"current_url": self.request.path}

    def save(self, form: forms.Form, user: User) -> str:
        data = form.cleaned_data
        update_use_case(
            use_case_id=self.use_case.pk,
            expected_version=data["expected_version"],
            actor=user,
            at=timezone.now(),
            profile={name: data[name] for name in RECORD_FIELDS},
        )
        return self.page_url("record")


@require_safe
def export_inventory(request: HttpRequest) -> HttpResponseBase:
    """The registry that this person sees, as one of the forms; the OMB form unless asked."""
    form = request.GET.get("format", omb.FORM)
    if form not in FORMS:
        return HttpResponse(
            f"There is no form of that name; there are {', '.join(FORMS)}.", status=400,
            content_type="text/plain; charset=utf-8",
        )  # fmt: skip
    records = inventory_records(use_cases_visible_to(request.user))
    if form == omb.FORM:
        return csv_response(
            "use-cases-omb", omb.HEADINGS, (row.values() for row in omb.write(records))
        )
    name = "annex-viii" if form == annex.FORM else "use-cases"
    response = HttpResponse("".join(registry_text(records, form)), content_type="application/json")
    response.headers["Content-Disposition"] = f'attachment; filename="{name}.json"'
    response.headers["Cache-Control"] = "private, no-store"
    return response
