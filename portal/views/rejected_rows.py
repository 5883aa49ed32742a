"""The quarantine: what was not taken, mending it, and trying again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from portal.choices import OPEN_RUN_STATUSES, RejectedRowState
from portal.filters.rejected_rows import RejectedRowFilters
from portal.forms.rejected_rows import DismissForm, RepairForm
from portal.imports.contracts import MAX_RAW_TEXT
from portal.models import RejectedRow, User
from portal.policies import may_run_imports, may_see_imports
from portal.selectors.imports import rejected_rows_visible_to
from portal.services.imports import RowNotWaitingError, dismiss_row, repair_row
from portal.shell.navigation import Visitor
from portal.shell.paging import Source
from portal.shell.views import Crumb, EmptyState, ListPage
from portal.tables.rejected_rows import RejectedRowTable
from portal.views.connections import imports_crumb, person_of


class RejectedRowListPage(ListPage):
    """Rows that imports did not take."""

    title = "Quarantine"
    lead = "Rows that imports did not take, each with what was wrong. Mend a row, then replay."
    noun_plural = "rejected rows"
    export_name = "rejected-rows"
    table_class = RejectedRowTable
    filterset_class = RejectedRowFilters
    template_name = "portal/imports/rejected_row_list.html"
    fragment_template_name = "portal/imports/_rejected_row_table.html"

    def allows(self, user: Visitor) -> bool:
        return may_see_imports(user)  # type: ignore[arg-type]

    def get_queryset(self) -> Source:
        return rejected_rows_visible_to(self.request.user)

    def get_breadcrumbs(self) -> Sequence[Crumb]:
        return [imports_crumb()]

    def get_empty(self) -> EmptyState:
        return EmptyState(
            "Nothing in quarantine",
            "Every row of every import was taken. A row that cannot be read appears here.",
        )


@require_http_methods(["GET", "HEAD", "POST"])
def rejected_row_page(request: HttpRequest, pk: int) -> HttpResponse:
    """One row: as it came, what was expected, and the two ways to decide about it."""
    person = person_of(request, allowed=may_see_imports(request.user))
    row = get_object_or_404(
        rejected_rows_visible_to(request.user).select_related(
            "connection", "run__connection", "decided_by"
        ),
        pk=pk,
    )
    is_dismissal = request.POST.get("decision") == "dismiss"
    mending, dismissing = request.method == "POST" and not is_dismissal, is_dismissal
    repair = RepairForm(request.POST if mending else None, raw_text=row.raw_text)
    dismissal = DismissForm(request.POST if dismissing else None, prefix="dismiss")
    if request.method == "POST":
        person_of(request, allowed=may_run_imports(request.user))
        form = dismissal if dismissing else repair
        if form.is_valid():
            _save(request, row, form.cleaned_data, person, dismissing=dismissing)
            return HttpResponseRedirect(reverse("rejected-row", args=[pk]))
    return render(
        request,
        "portal/imports/rejected_row_detail.html",
        _context(request, row, repair, dismissal),
    )


def _save(
    request: HttpRequest, row: RejectedRow, data: dict[str, Any], person: User, *, dismissing: bool
) -> None:
    now = timezone.now()
    try:
        if dismissing:
            dismiss_row(row=row, reason=data["reason"], actor=person, at=now)
            messages.success(request, "Dismissed. It is not waited for any more.")
        else:
            repair_row(row=row, text=data["text"], reason=data["reason"], actor=person, at=now)
            messages.success(request, "Saved. Replay the run to bring the row in.")
    except RowNotWaitingError as error:
        messages.error(request, str(error))


def _context(
    request: HttpRequest, row: RejectedRow, repair: RepairForm, dismissal: DismissForm
) -> dict[str, Any]:
    run = row.run
    may_run = may_run_imports(request.user)
    waiting = rejected_rows_visible_to(request.user).filter(
        connection=row.connection, state=RejectedRowState.WAITING
    )
    return {
        "page_title": f"{row.file_name}, line {row.line}",
        "page_lead": f"Rejected by run {run.pk} of {row.connection.name}.",
        "breadcrumbs": [
            imports_crumb(),
            Crumb("Quarantine", f"{reverse('rejected-row-list')}?state=waiting"),
        ],
        "row": row,
        "repair": repair,
        "dismissal": dismissal,
        "is_waiting": row.state == RejectedRowState.WAITING,
        # A cut text is not the record, so a repair of it could never be matched.
        "is_cut": len(row.raw_text) >= MAX_RAW_TEXT,
        "may_decide": may_run,
        "may_replay": may_run
        and run.status not in OPEN_RUN_STATUSES
        and row.state == RejectedRowState.REPAIRED
        and row.connection.is_active,
        "next_row": waiting.filter(pk__lt=row.pk).values_list("pk", flat=True).first()
        or waiting.exclude(pk=row.pk).values_list("pk", flat=True).first(),
    }
