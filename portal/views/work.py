"""Pages about background work: the list with how it stands, one piece, and deciding about it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from portal.choices import OPEN_WORK_STATUSES, WorkStatus
from portal.filters.work import WorkFilters
from portal.forms.work import WorkDecisionForm
from portal.models import WorkItem
from portal.policies import may_decide_work, may_see_work
from portal.selectors.work import (
    WorkStanding,
    deciding_roles,
    open_imports,
    work_standing,
    work_visible_to,
)
from portal.services.work import (
    SameWorkOpenError,
    WorkNotStoppedError,
    discard_item,
    retry_item,
)
from portal.shell.figures import Figure
from portal.shell.htmx import is_fragment
from portal.shell.navigation import Visitor
from portal.shell.paging import Source
from portal.shell.statuses import FigureStatus
from portal.shell.views import Crumb, EmptyState, ListPage
from portal.tables.work import OpenImportTable, WorkTable
from portal.views.connections import person_of
from portal.work.queues import queue_lengths
from portal.work.registry import label_of, work_kinds

STOPPED = (WorkStatus.HELD, WorkStatus.FAILED)


def work_crumb() -> Crumb:
    return Crumb("Background work", reverse("work-list"))


def duration_text(length: timedelta) -> str:
    """A length of time in its largest whole unit: 40 s, 12 min, 3 h, 2 days."""
    seconds = int(length.total_seconds())
    for unit, size in (("days", 86_400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"


class WorkListPage(ListPage):
    """All background work that this person may see, newest first, below how it stands."""

    title = "Background work"
    lead = "What the portal does by itself: what waits, what runs, and what a person must look at."
    noun_plural = "pieces of work"
    export_name = "background-work"
    table_class = WorkTable
    filterset_class = WorkFilters
    template_name = "portal/work/work_list.html"
    fragment_template_name = "portal/work/_work_table.html"

    def allows(self, user: Visitor) -> bool:
        return may_see_work(user)  # type: ignore[arg-type]

    def get_queryset(self) -> Source:
        return work_visible_to(self.request.user)

    def get_context_data(self) -> dict[str, Any]:
        now = timezone.now()
        standing = work_standing(work_visible_to(self.request.user), now=now)
        lengths = queue_lengths()
        imports = list(
            open_imports(self.request.user, now=now).values(
                *("pk", "status", "attempt", "requested_at", "progress_rows", "connection__name")
            )[:20]
        )
        return {
            "alarms": alarms(standing, lengths, now),
            "figures": figures(standing, lengths, now),
            "imports": OpenImportTable.of(imports) if imports else None,
        }

    def get_empty(self) -> EmptyState:
        return EmptyState(
            "No background work yet",
            "Imports, rules that reach many charges and scheduled jobs appear here by themselves.",
        )


def alarms(
    standing: WorkStanding, lengths: dict[str, int] | None, now: datetime
) -> list[tuple[str, str, str]]:
    """Tone, title and text of what a person should know before anything else."""
    found: list[tuple[str, str, str]] = []
    if lengths is None:
        found.append(
            (
                "error",
                "The broker does not answer.",
                "Work is recorded and waits; nothing is lost. It goes on by itself when the broker "
                "is back.",
            )
        )
    for queue in standing.silent:
        seen = standing.signs[queue]
        when = f"for {duration_text(now - seen)}" if seen else "yet"
        found.append(
            (
                "error",
                f"Nobody serves the queue “{queue}”.",
                f"No sign of life has come through scheduler, broker and worker {when}. Work waits "
                "until all three run.",
            )
        )
    if standing.held:
        found.append(
            (
                "warning",
                f"{standing.held} held.",
                "They were given up after three attempts. Look at each, then retry or discard it.",
            )
        )
    if standing.is_slow(now) and standing.waits_since is not None:
        found.append(
            (
                "warning",
                f"The oldest waits for {duration_text(now - standing.waits_since)}.",
                "There are too few workers for the work, or none.",
            )
        )
    return found


def figures(standing: WorkStanding, lengths: dict[str, int] | None, now: datetime) -> list[Figure]:
    """How much waits, runs and is stopped, at this moment."""

    def count(label: str, value: int, note: str = "") -> Figure:
        return Figure(label=label, value=value, status=FigureStatus.FINAL, as_of=now, note=note)

    waits = standing.waits_since
    return [
        count("Queued", standing.queued, f"oldest {duration_text(now - waits)}" if waits else ""),
        count("Running", standing.running),
        count("Held", standing.held),
        count("Failed", standing.failed, "last 7 days"),
        Figure.missing("Messages in the broker", "the broker does not answer")
        if lengths is None
        else count("Messages in the broker", sum(lengths.values())),
    ]


@require_safe
def work_item_page(request: HttpRequest, pk: int) -> HttpResponseBase:
    """One piece of work. While it is open its body asks for itself every two seconds."""
    item = _item(request, pk)
    part = "_work_item" if is_fragment(request) else "work_item"
    return render(request, f"portal/work/{part}.html", _context(request, item, WorkDecisionForm()))


def _item(request: HttpRequest, pk: int) -> WorkItem:
    """404 also for a kind that is not this person's: its key may name what they may not see."""
    return get_object_or_404(work_visible_to(request.user).select_related("requested_by"), pk=pk)


def _context(request: HttpRequest, item: WorkItem, form: WorkDecisionForm) -> dict[str, Any]:
    kind = work_kinds.get(item.kind) if item.kind in work_kinds else None
    is_stopped = item.status in STOPPED
    return {
        "page_title": f"Work {item.pk}",
        "page_lead": f"{label_of(item.kind)}.",
        "breadcrumbs": [work_crumb()],
        "item": item,
        "form": form,
        "is_open": item.status in OPEN_WORK_STATUSES,
        "is_stopped": is_stopped,
        "may_decide": is_stopped and may_decide_work(request.user, deciding_roles(item)),
        "max_attempts": kind.max_attempts if kind else None,
        "ids": sorted(item.payload.items()),
        "decisions": item.decisions.select_related("decided_by").order_by("-pk"),
    }


def _decide(
    request: HttpRequest, pk: int, decide: Callable[..., WorkItem], done: str
) -> HttpResponse:
    item = _item(request, pk)
    person = person_of(request, allowed=may_decide_work(request.user, deciding_roles(item)))
    form = WorkDecisionForm(request.POST)
    if not form.is_valid():
        return render(
            request, "portal/work/work_item.html", _context(request, item, form), status=400
        )
    try:
        decide(item=item, reason=form.cleaned_data["reason"], actor=person, at=timezone.now())
        messages.success(request, done)
    except (WorkNotStoppedError, SameWorkOpenError) as error:
        messages.error(request, str(error))
    return HttpResponseRedirect(reverse("work-item", args=[pk]))


@require_POST
def work_item_retry(request: HttpRequest, pk: int) -> HttpResponse:
    """Try held or failed work again, from the first attempt."""
    return _decide(request, pk, retry_item, "Queued again.")


@require_POST
def work_item_discard(request: HttpRequest, pk: int) -> HttpResponse:
    """Decide that held or failed work is never done."""
    return _decide(request, pk, discard_item, "Discarded. It is not done.")
