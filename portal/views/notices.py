"""One's own notices: the list, the panel on the home page, and marking them read."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST

from portal.filters.notices import NoticeFilters
from portal.models import User
from portal.selectors.notices import own_notices, unread_notices
from portal.services.notices import mark_all_read
from portal.shell.paging import Source
from portal.shell.views import EmptyState, ListPage
from portal.tables.notices import NoticeTable

_SHOWN = 8


class NoticeListPage(ListPage):
    """What the portal told whoever looks, newest first."""

    title = "Notices"
    lead = "What the portal has told you, once each. Nobody else sees this list."
    noun_plural = "notices"
    export_name = "notices"
    table_class = NoticeTable
    filterset_class = NoticeFilters
    template_name = "portal/notices/notice_list.html"

    def get_queryset(self) -> Source:
        return own_notices(self.request.user)

    def get_context_data(self) -> dict[str, Any]:
        return {"has_unread": unread_notices(self.request.user).exists()}

    def get_empty(self) -> EmptyState:
        return EmptyState(
            "No notice yet",
            "When a budget, an anomaly or a milestone of yours needs you, you are told here.",
        )


@require_POST
def notices_read(request: HttpRequest) -> HttpResponse:
    """Mark everything of one's own as read."""
    if not isinstance(request.user, User):
        raise PermissionDenied
    mark_all_read(user=request.user, at=timezone.now())
    messages.success(request, "Marked as read.")
    return HttpResponseRedirect(reverse("notice-list"))


def unread_panel(request: HttpRequest) -> dict[str, Any] | None:
    """The home panel: what has not been read; nothing when there is nothing."""
    found = list(unread_notices(request.user)[: _SHOWN + 1])
    if not found:
        return None
    return {"notices": found[:_SHOWN], "is_cut": len(found) > _SHOWN}
