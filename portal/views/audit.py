"""Pages of the audit: search, one event, seals with verification, export."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

from django.core.exceptions import BadRequest
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from portal.filters.audit import AuditEventFilters
from portal.limits import take_turn
from portal.policies import may_read_audit
from portal.selectors.audit import (
    actor_text,
    difference_of,
    event_documents,
    events_visible_to,
    head_visible_to,
    seals_visible_to,
    table_labels,
)
from portal.services.audit import verify
from portal.shell.navigation import Visitor
from portal.shell.paging import Source
from portal.shell.views import Action, Crumb, EmptyState, ListPage
from portal.tables.audit import AuditEventTable, AuditSealTable
from portal.views.connections import person_of

VERIFIED_ON_PAGE = 300_000  # events; more take longer than a page may
EXPORTED = 100_000
_CHUNK = 1000


def audit_crumb() -> Crumb:
    return Crumb("Audit", reverse("audit"))


class AuditEventListPage(ListPage):
    """Every recorded event."""

    title = "Audit"
    lead = "Every write to a governed table and every refused attempt. Times are UTC."
    noun_plural = "events"
    export_name = "audit"
    table_class = AuditEventTable
    filterset_class = AuditEventFilters

    def allows(self, user: Visitor) -> bool:
        return may_read_audit(user)  # type: ignore[arg-type]

    def get_queryset(self) -> Source:
        return events_visible_to(self.request.user)

    def get_actions(self) -> Sequence[Action]:
        query = self.request.GET.urlencode()
        export = reverse("audit-export") + (f"?{query}" if query else "")
        return [Action("Export as JSON", export), Action("Seals", reverse("audit-seals"))]

    def get_empty(self) -> EmptyState:
        return EmptyState("Nothing recorded yet", "The first governed write appears here.")


@require_safe
def audit_event_page(request: HttpRequest, pk: int) -> HttpResponse:
    """One event: who, when, why, and the difference it made."""
    person_of(request, allowed=may_read_audit(request.user))
    event = get_object_or_404(events_visible_to(request.user), pk=pk)
    difference = difference_of(event)
    seal = seals_visible_to(request.user).filter(last_id__gte=pk).order_by("number").first()
    label = table_labels().get(event.table, event.table)
    history = f"{reverse('audit')}?subject={event.table}&key={event.key}"
    context = {
        "page_title": f"Event {pk}",
        "page_lead": f"{event.get_operation_display()}: {label} {event.key}",
        "breadcrumbs": [audit_crumb()],
        "event": event,
        "actor": actor_text(event.actor_name, event.name_erasure, event.channel),  # type: ignore[attr-defined]
        "changes": difference.changes,
        "is_erased": difference.is_erased,
        "seal": seal,
        "label": label,
        "history_url": history if event.table in table_labels() else "",
    }
    return render(request, "portal/audit/audit_event.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
def audit_seals_page(request: HttpRequest) -> HttpResponse:
    """The seals; a POST verifies everything, which reads and changes nothing."""
    person = person_of(request, allowed=may_read_audit(request.user))
    head = head_visible_to(request.user)
    if head is None:  # whoever got past the door by mistake verifies nothing either
        raise Http404("there is no audit for this person")
    is_small = head.count <= VERIFIED_ON_PAGE
    report = None
    if request.method == "POST" and is_small:
        take_turn("export", f"person {person.pk}")
        report = verify()
    context = {
        "page_title": "Seals",
        "page_lead": "Each seal covers all events before it that no earlier one does, and names "
        "the seal before it.",
        "breadcrumbs": [audit_crumb()],
        "head": head,
        "is_small": is_small,
        "report": report,
        "findings": sorted(report.findings)[:20] if report else [],
        "table": AuditSealTable(
            seals_visible_to(request.user), query=request.GET, path=request.path
        ),
        "empty": EmptyState("No seal yet", "The first one is made within five minutes."),
    }
    return render(request, "portal/audit/audit_seals.html", context)


@require_safe
def audit_export(request: HttpRequest) -> StreamingHttpResponse:
    """The events that the filters leave, newest first, one JSON document a line.

    Raises:
        BadRequest: a filter cannot be read.
    """
    person = person_of(request, allowed=may_read_audit(request.user))
    filters = AuditEventFilters(
        request.GET, queryset=events_visible_to(request.user), request=request
    )
    if not filters.is_readable:
        raise BadRequest("a filter cannot be read, so there is nothing to export")
    take_turn("export", f"person {person.pk}")
    rows = filters.rows()[:EXPORTED].iterator(chunk_size=_CHUNK)

    def lines() -> Iterator[str]:
        for document in event_documents(rows):
            yield json.dumps(document, ensure_ascii=False) + "\n"

    response = StreamingHttpResponse(lines(), content_type="application/x-ndjson; charset=utf-8")
    response.headers["Content-Disposition"] = 'attachment; filename="audit.jsonl"'
    response.headers["Cache-Control"] = "private, no-store"
    return response
