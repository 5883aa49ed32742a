"""The home page: what needs this person today, from the panels that the rooms registered."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from portal.shell.panels import render_home_panels
from portal.shell.views import EmptyState

NOTHING_TODAY = EmptyState(
    title="Nothing needs you today",
    text="When a suggestion, a decision or an import waits for you, it appears here.",
)


@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """Every panel that has something to say; else an honest empty state."""
    name = request.user.get_full_name() if request.user.is_authenticated else ""
    context = {
        "page_title": f"Good to see you, {name}" if name else "Home",
        "panels": render_home_panels(request),
        "empty": NOTHING_TODAY,
    }
    return render(request, "portal/home.html", context)
