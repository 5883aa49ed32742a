"""Break-glass: opening it, closing it, what was done under it, and its review."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from portal.approvals.errors import ApprovalRefusedError
from portal.filters.approvals import BreakGlassFilters
from portal.forms.approvals import OpenGlassForm, ReviewGlassForm
from portal.models import BreakGlass, User
from portal.policies import may_open_break_glass, may_review_break_glass, may_see_approvals
from portal.selectors.approvals import glasses_to_review, glasses_visible_to
from portal.services.break_glass import close_break_glass, open_break_glass, review_break_glass
from portal.shell.navigation import Visitor
from portal.shell.paging import Source
from portal.shell.views import Action, Crumb, EmptyState, ListPage
from portal.tables.approvals import BreakGlassTable, glass_state, time_left
from portal.views.approvals import approvals_crumb
from portal.views.connections import person_of


def glass_crumb() -> Crumb:
    return Crumb("Break-glass", reverse("break-glass-list"))


class BreakGlassListPage(ListPage):
    """Every time that somebody could approve alone."""

    title = "Break-glass"
    lead = (
        "When nobody else is there and it cannot wait, an administrator can approve alone for a "
        "few hours. Everybody sees it, and another person reviews it afterwards."
    )
    noun_plural = "openings"
    export_name = "break-glass"
    table_class = BreakGlassTable
    filterset_class = BreakGlassFilters

    def allows(self, user: Visitor) -> bool:
        return may_see_approvals(user)  # type: ignore[arg-type]

    def get_queryset(self) -> Source:
        return glasses_visible_to(self.request.user)

    def get_breadcrumbs(self) -> Sequence[Crumb]:
        return [approvals_crumb()]

    def get_empty(self) -> EmptyState:
        return EmptyState(
            "It has never been opened", "Every approval so far was made by a second person."
        )

    def get_actions(self) -> Sequence[Action]:
        if not may_open_break_glass(self.request.user):
            return ()
        return [Action("Open break-glass", reverse("break-glass-open"))]


@require_http_methods(["GET", "HEAD", "POST"])
def break_glass_open(request: HttpRequest) -> HttpResponse:
    """Begin to decide alone, with a reason that everybody reads."""
    person = person_of(request, allowed=may_open_break_glass(request.user))
    form = OpenGlassForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        try:
            glass = open_break_glass(
                actor=person,
                reason=form.cleaned_data["reason"],
                lasting=dt.timedelta(hours=form.cleaned_data["hours"]),
                at=timezone.now(),
            )
        except ApprovalRefusedError as error:
            form.add_error("reason" if error.code == "no_reason" else None, error.reason)
        else:
            messages.warning(request, "Open. Everybody sees it; close it as soon as you are done.")
            return HttpResponseRedirect(reverse("break-glass", args=[glass.pk]))
    context = {
        "page_title": "Open break-glass",
        "page_lead": BreakGlassListPage.lead,
        "breadcrumbs": [approvals_crumb(), glass_crumb()],
        "form": form,
        "submit_label": "Open it",
        "is_dangerous": True,
        "cancel_url": reverse("break-glass-list"),
    }
    return render(request, "portal/approvals/form_page.html", context)


def _read(request: HttpRequest, pk: int) -> BreakGlass:
    rows = glasses_visible_to(request.user).select_related("opened_by", "reviewed_by")
    return get_object_or_404(rows, pk=pk)


@require_safe
def break_glass_page(request: HttpRequest, pk: int) -> HttpResponse:
    """One opening, with every decision made under it."""
    person = person_of(request, allowed=may_see_approvals(request.user))
    return _respond(request, person, _read(request, pk))


@require_POST
def break_glass_close(request: HttpRequest, pk: int) -> HttpResponse:
    """End it before its time."""
    person = person_of(request, allowed=may_see_approvals(request.user))
    glass = _read(request, pk)
    if glass.opened_by_id != person.pk:
        person_of(request, allowed=may_review_break_glass(person))
    try:
        close_break_glass(glass_id=pk, actor=person, at=timezone.now())
    except ApprovalRefusedError as error:
        return _respond(request, person, glass, refusal=error.reason, status=409)
    messages.success(request, "Closed. Another person reviews what was done under it.")
    return HttpResponseRedirect(reverse("break-glass", args=[pk]))


@require_POST
def break_glass_review(request: HttpRequest, pk: int) -> HttpResponse:
    """Write down what was found."""
    person = person_of(request, allowed=may_review_break_glass(request.user))
    glass = _read(request, pk)
    form = ReviewGlassForm(request.POST)
    if not form.is_valid():
        return _respond(request, person, glass, form=form)
    try:
        review_break_glass(
            glass_id=pk, actor=person, review=form.cleaned_data["review"], at=timezone.now()
        )
    except ApprovalRefusedError as error:
        status = 403 if error.code in {"same_person", "not_yours"} else 409
        return _respond(request, person, glass, refusal=error.reason, status=status)
    messages.success(request, "Reviewed.")
    return HttpResponseRedirect(reverse("break-glass", args=[pk]))


def _respond(
    request: HttpRequest,
    person: User,
    glass: BreakGlass,
    *,
    form: ReviewGlassForm | None = None,
    refusal: str = "",
    status: int = 200,
) -> HttpResponse:
    now = timezone.now()
    state = glass_state(
        closed_at=glass.closed_at,
        expires_at=glass.expires_at,
        reviewed_at=glass.reviewed_at,
        now=now,
    )
    context: dict[str, Any] = {
        "page_title": f"Break-glass of {glass.opened_by}",
        "breadcrumbs": [approvals_crumb(), glass_crumb()],
        "glass": glass,
        "state": state,
        "left": time_left(glass.expires_at, now=now),
        "decisions": list(
            glass.decisions.select_related("request__author").order_by("decided_at", "pk")
        ),
        "may_close": state == "open"
        and (glass.opened_by_id == person.pk or may_review_break_glass(person)),
        "may_review": state == "unreviewed"
        and glasses_to_review(person).filter(pk=glass.pk).exists(),
        "form": form or ReviewGlassForm(),
        "refusal": refusal,
    }
    return render(request, "portal/approvals/break_glass_detail.html", context, status=status)
