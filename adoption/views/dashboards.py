"""Pages that show dashboards: the list, one of them, a version, a tile, in a frame, on paper."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from csp.constants import NONE
from csp.decorators import csp_replace
from django.conf import settings
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.clickjacking import xframe_options_exempt
from django.views.decorators.http import require_safe

from adoption.board_guards import DASHBOARD_KIND
from adoption.choices import AccessAction
from adoption.filters.dashboards import DashboardFilters
from adoption.metrics.dashboard_rules import Tile, worst_standing
from adoption.models import Dashboard
from adoption.policies import may_edit_dashboard, may_make_dashboard, may_see_registry
from adoption.selectors.dashboard_tiles import (
    EXPORT_HEADINGS,
    ShownTile,
    export_rows,
    facts_text,
    shown_tiles,
)
from adoption.selectors.dashboards import (
    access_counts,
    dashboard_for_page,
    dashboard_rows,
    document_of,
    is_served,
    submitted_tiles,
    working_tiles,
)
from adoption.selectors.snapshots import snapshots_with
from adoption.services.dashboards import record_access
from adoption.tables.dashboards import (
    AccessTable,
    DashboardLogTable,
    DashboardTable,
    TileValueTable,
)
from adoption.views.form_page import signed_in
from portal.limits import take_turn
from portal.selectors.pending_approvals import pending_request
from portal.shell.exports import csv_response
from portal.shell.navigation import Visitor
from portal.shell.paging import Source
from portal.shell.views import Action, Crumb, EmptyState, ListPage


def dashboards_crumb() -> Crumb:
    return Crumb("Dashboards", reverse("dashboard-list"))


class DashboardListPage(ListPage):
    """All dashboards, drafts and ended ones too."""

    title = "Dashboards"
    lead = (
        "What somebody decides by. An approved one was looked at, exactly as it is, by two people."
    )
    noun_plural = "dashboards"
    export_name = "dashboards"
    table_class = DashboardTable
    filterset_class = DashboardFilters
    template_name = "adoption/dashboard_list.html"
    fragment_template_name = "adoption/_dashboard_table.html"

    def allows(self, user: Visitor) -> bool:
        return may_see_registry(user)  # type: ignore[arg-type]

    def get_queryset(self) -> Source:
        return dashboard_rows(self.request.user, now=timezone.now())

    def get_empty(self) -> EmptyState:
        return EmptyState(
            "No dashboard has been made yet",
            "A dashboard serves a milestone and shows approved metrics from at least three sides.",
            "Make a dashboard",
            reverse("dashboard-new"),
        )

    def get_actions(self) -> Sequence[Action]:
        if not may_make_dashboard(self.request.user):
            return ()
        return [Action("Make a dashboard", reverse("dashboard-new"), is_primary=True)]


def dashboard_or_404(request: HttpRequest, slug: str) -> Dashboard:
    if not may_see_registry(request.user):
        raise PermissionDenied
    found = dashboard_for_page(request.user, slug, now=timezone.now())
    if found is None:
        raise Http404(f"no dashboard {slug}")
    return found


def _tiles(dashboard: Dashboard) -> tuple[list[Tile], dict[str, Any] | None]:
    """What a reader is shown: the approved version, or the working copy while there is none."""
    if dashboard.approved_version is None:
        return working_tiles(dashboard), None
    return submitted_tiles(dashboard.approved_version), document_of(dashboard.approved_version)


def _shown(dashboard: Dashboard) -> dict[str, Any]:
    """What page, frame and paper have in common."""
    now = timezone.now()
    tiles, document = _tiles(dashboard)
    shown = shown_tiles(tiles, at=now, slug=dashboard.slug)
    return {
        "page_title": document["title"] if document else dashboard.title,
        "page_lead": document["purpose"] if document else dashboard.purpose,
        "dashboard": dashboard,
        "document": document,
        "number": dashboard.approved_version.number if dashboard.approved_version else None,
        "tiles": [(each, _table(each)) for each in shown],
        "worst": worst_standing(tiles),
        "is_served": is_served(dashboard, now),
        "stale_count": sum(1 for each in shown if each.is_stale),
    }


def _table(shown: ShownTile) -> TileValueTable | None:
    if not shown.rows:
        return None
    return TileValueTable.of(list(shown.rows), caption=f"Values of {shown.tile.name}")


def _count(request: HttpRequest, dashboard: Dashboard, action: AccessAction) -> None:
    """Only what is approved is counted; how often somebody looks at their draft is theirs."""
    now = timezone.now()
    if dashboard.approved_version is not None and is_served(dashboard, now):
        record_access(
            dashboard=dashboard,
            number=dashboard.approved_version.number,
            action=action,
            user=signed_in(request),
            at=now,
        )


@require_safe
def dashboard_page(request: HttpRequest, slug: str) -> HttpResponse:
    """One dashboard: its tiles, who approved exactly what, until when, and what it serves."""
    dashboard = dashboard_or_404(request, slug)
    may_edit = may_edit_dashboard(request.user, dashboard)
    log = dashboard.status_changes.select_related("decided_by")
    context = {
        **_shown(dashboard),
        "breadcrumbs": [dashboards_crumb()],
        "pending": pending_request(DASHBOARD_KIND, str(dashboard.pk)),
        "may_edit": may_edit,
        "log": DashboardLogTable.of([_log_row(line) for line in log]) if log else None,
        "accesses": AccessTable.of(access_counts(dashboard)) if may_edit else None,
    }
    _count(request, dashboard, AccessAction.VIEWED)
    return render(request, "adoption/dashboard_detail.html", context)


def _log_row(line: Any) -> dict[str, Any]:
    return {
        "pk": line.pk,
        "changed_at": line.changed_at.date(),
        "to_status": line.to_status,
        "number": line.number,
        "by": line.decided_by.get_full_name() if line.decided_by else None,
        "reason": line.reason or None,
    }


@require_safe
def dashboard_version_page(request: HttpRequest, slug: str, number: int) -> HttpResponse:
    """A submitted version with its tiles as they would be shown: what an approver looks at."""
    dashboard = dashboard_or_404(request, slug)
    version = get_object_or_404(dashboard.versions.select_related("submitted_by"), number=number)
    tiles = submitted_tiles(version)
    document = document_of(version)
    shown = shown_tiles(tiles, at=timezone.now())
    context = {
        "page_title": f"{document['title']}, version {number}",
        "page_lead": document["purpose"],
        "breadcrumbs": [
            dashboards_crumb(),
            Crumb(dashboard.title, reverse("dashboard", args=[dashboard.slug])),
        ],
        "dashboard": dashboard,
        "version": version,
        "document": document,
        "tiles": [(each, _table(each)) for each in shown],
        "worst": worst_standing(tiles),
        "is_approved": dashboard.approved_version_id == version.pk
        and is_served(dashboard, timezone.now()),
    }
    return render(request, "adoption/dashboard_version.html", context)


@require_safe
def dashboard_tile_page(request: HttpRequest, slug: str, place: int) -> HttpResponse:
    """Where the figures of a tile come from: each window with its facts and its snapshots."""
    dashboard = dashboard_or_404(request, slug)
    tiles, _ = _tiles(dashboard)
    if not 1 <= place <= len(tiles):
        raise Http404(f"no tile {place}")
    shown = shown_tiles(tiles, at=timezone.now())[place - 1]
    newest = shown.values[-1] if shown.values else None
    context = {
        "page_title": shown.tile.name,
        "page_lead": "What its figures are made of.",
        "breadcrumbs": [
            dashboards_crumb(),
            Crumb(dashboard.title, reverse("dashboard", args=[dashboard.slug])),
        ],
        "dashboard": dashboard,
        "shown": shown,
        "newest": newest,
        "facts": facts_text(newest) if newest else "",
        "snapshots": snapshots_with(newest.pk)[:5] if newest else [],
    }
    return render(request, "adoption/dashboard_tile.html", context)


@require_safe
def dashboard_print(request: HttpRequest, slug: str) -> HttpResponse:
    """For paper: every tile, with version, status and expiry on it."""
    dashboard = dashboard_or_404(request, slug)
    context = {**_shown(dashboard), "address": _address(request, slug)}
    _count(request, dashboard, AccessAction.PRINTED)
    return render(request, "adoption/dashboard_print.html", context)


def _address(request: HttpRequest, slug: str) -> str:
    return request.build_absolute_uri(reverse("dashboard", args=[slug]))


def _embedded(request: HttpRequest, slug: str) -> HttpResponse:
    dashboard = dashboard_or_404(request, slug)
    context = {**_shown(dashboard), "address": _address(request, slug)}
    _count(request, dashboard, AccessAction.EMBEDDED)
    return render(request, "adoption/dashboard_embed.html", context)


@require_safe
def dashboard_embed(request: HttpRequest, slug: str) -> HttpResponseBase:
    """For a frame in another site of the house; which sites may, `PLUMBLINE_EMBED_ORIGINS` says."""
    allowed = list(settings.EMBED_ORIGINS)
    view = csp_replace({"frame-ancestors": allowed or [NONE]})(lambda asked: _embedded(asked, slug))
    return xframe_options_exempt(view)(request) if allowed else view(request)


@require_safe
def dashboard_export(request: HttpRequest, slug: str) -> HttpResponseBase:
    """The values of an approved dashboard as CSV; each row says version, status and expiry."""
    dashboard = dashboard_or_404(request, slug)
    version = dashboard.approved_version
    if version is None or not is_served(dashboard, timezone.now()):
        messages.error(request, "Only an approved dashboard can be exported.")
        return HttpResponseRedirect(reverse("dashboard", args=[slug]))
    take_turn("export", f"person {request.user.pk}")
    shown = shown_tiles(submitted_tiles(version), at=timezone.now())
    _count(request, dashboard, AccessAction.EXPORTED)
    head = [dashboard.slug, version.number, dashboard.status, dashboard.expires_at]
    return csv_response(
        f"{slug}-version-{version.number}",
        ["Dashboard", "Dashboard version", "Dashboard status", "Approved until", *EXPORT_HEADINGS],
        [[*head, *row] for row in export_rows(shown)],
    )
