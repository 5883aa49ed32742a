"""Pages about runs: the list, one run with its progress, and deciding about it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from portal.choices import OPEN_RUN_STATUSES, RunStatus
from portal.filters.import_runs import ImportRunFilters
from portal.models import ImportRun
from portal.policies import may_decide_held_runs, may_run_imports, may_see_imports
from portal.selectors.imports import (
    rejected_counts,
    runs_visible_to,
    sum_lines,
    waits_for_long,
)
from portal.services.imports import RunNotOpenError, discard_run, release_run, replay_run
from portal.shell.htmx import is_fragment
from portal.shell.navigation import Visitor
from portal.shell.paging import Source
from portal.shell.views import Crumb, EmptyState, ListPage
from portal.tables.import_runs import ImportRunTable
from portal.tasks import hint_import
from portal.views.connections import connection_crumb, imports_crumb, person_of

WAITS = (
    "The queue cannot be reached just now. The run is recorded and waits; "
    "it starts by itself when the queue is back."
)


def runs_crumb() -> Crumb:
    return Crumb("Runs", reverse("import-run-list"))


def send_on_commit(request: HttpRequest, run: ImportRun) -> None:
    """Hint the queue at a run once it is committed, and say so when the queue is away."""

    def send() -> None:
        if not hint_import(run.pk):
            messages.warning(request, WAITS)

    transaction.on_commit(send)


class ImportRunListPage(ListPage):
    """All runs, newest first."""

    title = "Import runs"
    lead = "Every attempt to bring data in, with what became of each row."
    noun_plural = "runs"
    export_name = "import-runs"
    table_class = ImportRunTable
    filterset_class = ImportRunFilters
    template_name = "portal/imports/import_run_list.html"
    fragment_template_name = "portal/imports/_import_run_table.html"

    def allows(self, user: Visitor) -> bool:
        return may_see_imports(user)  # type: ignore[arg-type]

    def get_queryset(self) -> Source:
        return runs_visible_to(self.request.user)

    def get_breadcrumbs(self) -> Sequence[Crumb]:
        return [imports_crumb()]

    def get_empty(self) -> EmptyState:
        return EmptyState(
            "No run yet",
            "Open a connection and give it files, or run an import command.",
            "Connections",
            reverse("connection-list"),
        )


@require_safe
def import_run_page(request: HttpRequest, pk: int) -> HttpResponseBase:
    """One run. While it is open its body asks for itself every two seconds."""
    person_of(request, allowed=may_see_imports(request.user))
    run = get_object_or_404(_runs_for_page(request), pk=pk)
    context = _run_context(request, run, now=timezone.now())
    if is_fragment(request):
        return render(request, "portal/imports/_import_run.html", context)
    return render(request, "portal/imports/import_run_detail.html", context)


def _runs_for_page(request: HttpRequest) -> Any:
    return runs_visible_to(request.user).select_related(
        "connection", "requested_by", "released_by", "replay_of"
    )


def _run_context(request: HttpRequest, run: ImportRun, *, now: datetime) -> dict[str, Any]:
    is_open = run.status in OPEN_RUN_STATUSES
    is_held = run.status == RunStatus.HELD
    may_run = may_run_imports(request.user)
    rejected = rejected_counts(run)
    return {
        "page_title": f"Run {run.pk}",
        "page_lead": f"{run.connection.name}, by {run.get_trigger_display().lower()}.",
        "breadcrumbs": [imports_crumb(), connection_crumb(run.connection), runs_crumb()],
        "run": run,
        "is_open": is_open,
        "is_held": is_held,
        "waits_for_long": waits_for_long(run, now=now),
        "seconds": int((now - run.started_at).total_seconds()) if run.started_at else None,
        "reasons": run.held_reason.splitlines(),
        "sums": sum_lines(run),
        # Good rows of an input that was refused as a whole.
        "not_taken": run.read - run.inserted - run.updated - run.unchanged - run.rejected,
        "has_ledger": not is_open and bool(run.read),
        "files": list(run.files.order_by("index")),
        "rejected": rejected,
        "rejected_url": f"{reverse('rejected-row-list')}?run={run.pk}",
        "replays": list(run.replays.order_by("pk").values_list("pk", flat=True)[:20]),
        "may_decide": is_held and may_decide_held_runs(request.user),
        "may_replay": may_run and not is_open and not is_held and run.connection.is_active,
    }


@require_POST
def import_run_replay(request: HttpRequest, pk: int) -> HttpResponse:
    """Queue the same files again, with the repairs made since."""
    person = person_of(request, allowed=may_run_imports(request.user))
    run = get_object_or_404(runs_visible_to(request.user).select_related("connection"), pk=pk)
    if run.status in (*OPEN_RUN_STATUSES, RunStatus.HELD) or not run.connection.is_active:
        messages.error(
            request, "This run cannot be replayed now: it is not finished, or switched off."
        )
        return HttpResponseRedirect(reverse("import-run", args=[pk]))
    replay = replay_run(run=run, actor=person, at=timezone.now())
    send_on_commit(request, replay)
    return HttpResponseRedirect(reverse("import-run", args=[replay.pk]))


def _decide(request: HttpRequest, pk: int, decide: Callable[..., ImportRun]) -> ImportRun | None:
    person = person_of(request, allowed=may_decide_held_runs(request.user))
    run = get_object_or_404(runs_visible_to(request.user), pk=pk)
    try:
        return decide(run=run, actor=person, at=timezone.now())
    except RunNotOpenError as error:
        messages.error(request, str(error))
        return None


@require_POST
def import_run_release(request: HttpRequest, pk: int) -> HttpResponse:
    """Let a held run be applied."""
    run = _decide(request, pk, release_run)
    if run is not None:
        send_on_commit(request, run)
        messages.success(request, "Released. It is compared once more and then applied.")
    return HttpResponseRedirect(reverse("import-run", args=[pk]))


@require_POST
def import_run_discard(request: HttpRequest, pk: int) -> HttpResponse:
    """Decide that a held run is never applied."""
    if _decide(request, pk, discard_run) is not None:
        messages.success(request, "Discarded. Nothing of it is applied.")
    return HttpResponseRedirect(reverse("import-run", args=[pk]))
