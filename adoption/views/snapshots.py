"""Pages about snapshots, and the files that outsiders check."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe

from adoption.metrics import verify_snapshot
from adoption.models import Snapshot
from adoption.policies import may_see_registry
from adoption.selectors.snapshots import file_of, snapshot_for_page, snapshots_visible_to, values_of
from adoption.services.snapshot_heads import FILE_NAME, heads_path, trusted_keys
from adoption.tables.dashboards import SnapshotTable, SnapshotValueTable
from portal.shell.htmx import is_fragment
from portal.shell.navigation import Visitor
from portal.shell.paging import Source
from portal.shell.views import Crumb, EmptyState, ListPage


def snapshots_crumb() -> Crumb:
    return Crumb("Snapshots", reverse("snapshot-list"))


class SnapshotListPage(ListPage):
    """Every snapshot, newest first."""

    title = "Snapshots"
    lead = "Frozen, signed sets of metric values, each chained to the one before it."
    noun_plural = "snapshots"
    export_name = "snapshots"
    table_class = SnapshotTable
    template_name = "adoption/snapshot_list.html"
    fragment_template_name = "adoption/_snapshot_table.html"

    def allows(self, user: Visitor) -> bool:
        return may_see_registry(user)  # type: ignore[arg-type]

    def get_queryset(self) -> Source:
        return snapshots_visible_to(self.request.user)

    def get_empty(self) -> EmptyState:
        return EmptyState(
            "No snapshot has been published yet",
            "One is published within an hour of the first approved metric value, and whenever "
            "values change.",
        )

    def get_context_data(self) -> dict[str, Any]:
        return {"public_keys": trusted_keys(), "heads_name": FILE_NAME}


def _snapshot(request: HttpRequest, number: int) -> Snapshot:
    if not may_see_registry(request.user):
        raise PermissionDenied
    found = snapshot_for_page(request.user, number)
    if found is None:
        raise Http404(f"no snapshot {number}")
    return found


@require_safe
def snapshot_page(request: HttpRequest, number: int) -> HttpResponse:
    """One snapshot: its values, its place in the chain, and how to check it."""
    snapshot = _snapshot(request, number)
    table = SnapshotValueTable(
        values_of(snapshot), query=request.GET, path=request.path, target="values", prefix="v-"
    )
    if is_fragment(request):
        return render(request, "adoption/_snapshot_values.html", {"table": table})
    newer = snapshots_visible_to(request.user).filter(number=number + 1).exists()
    context = {
        "page_title": f"Snapshot {number}",
        "page_lead": "What was approved and certified at that moment, and not changed since.",
        "breadcrumbs": [snapshots_crumb()],
        "snapshot": snapshot,
        "table": table,
        "has_newer": newer,
        "public_keys": trusted_keys(),
        "file_name": f"snapshot-{number}.json",
        "heads_name": FILE_NAME,
    }
    return render(request, "adoption/snapshot_detail.html", context)


def _download(content: bytes, name: str, kind: str) -> HttpResponse:
    response = HttpResponse(content, content_type=kind)
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


@require_safe
def snapshot_file(request: HttpRequest, number: int) -> HttpResponse:
    """The signed file, byte for byte."""
    found = file_of(_snapshot(request, number))
    return _download(found, f"snapshot-{number}.json", "application/json")


@require_safe
def snapshot_heads(request: HttpRequest) -> HttpResponse:
    """The file of heads as it is outside the database now."""
    if not may_see_registry(request.user):
        raise PermissionDenied
    path = heads_path()
    if not path.is_file():
        raise Http404("no snapshot was anchored yet")
    return _download(path.read_bytes(), FILE_NAME, "application/jsonl")


@require_safe
def snapshot_verifier(request: HttpRequest) -> HttpResponse:
    """The script that checks snapshots without Plumbline."""
    if not may_see_registry(request.user):
        raise PermissionDenied
    script = Path(verify_snapshot.__file__).read_bytes()
    return _download(script, "verify_snapshot.py", "text/x-python")
