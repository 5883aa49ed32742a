"""The inbox of approvals, and one request with the decision about it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from portal.approvals.difference import changes_of
from portal.approvals.errors import ApprovalRefusedError, ChangedSinceError, NotPendingError
from portal.audit.context import Channel
from portal.choices import ApprovalOutcome, ApprovalStatus
from portal.filters.approvals import ApprovalFilters
from portal.forms.approvals import DecisionForm, WithdrawForm
from portal.models import ApprovalRequest, User
from portal.policies import may_see_approvals
from portal.selectors.approvals import (
    Standing,
    is_open,
    kind_label,
    requests_visible_to,
    roles_text,
    standing_of,
    waiting_for,
)
from portal.services.approvals import decide, withdraw
from portal.shell.navigation import Visitor
from portal.shell.paging import Source
from portal.shell.panels import APPROVAL_SLOT, render_panels
from portal.shell.views import Action, Crumb, EmptyState, ListPage
from portal.tables.approvals import ApprovalTable, time_left
from portal.views.connections import person_of

HASH_SHOWN = 12  # characters; enough to tell two contents apart by eye


def approvals_crumb() -> Crumb:
    return Crumb("Approvals", reverse("approval-list"))


class ApprovalListPage(ListPage):
    """Requests; without a choice, those that wait for the reader."""

    title = "Approvals"
    lead = "What needs a second person. Nothing asked for here happens until somebody decides."
    noun_plural = "requests"
    export_name = "approvals"
    table_class = ApprovalTable
    filterset_class = ApprovalFilters

    def allows(self, user: Visitor) -> bool:
        return may_see_approvals(user)  # type: ignore[arg-type]

    def get_queryset(self) -> Source:
        user = self.request.user
        if self.request.GET.get("view"):
            return requests_visible_to(user)
        rows = requests_visible_to(user)
        mine = waiting_for(user, at=timezone.now()).order_by()
        return rows.filter(pk__in=mine.values("pk"))

    def get_empty(self) -> EmptyState:
        return EmptyState(
            "Nothing waits for your decision",
            "A request appears here when you hold a role that approves it and have no hand in it.",
            "See all that wait",
            f"{reverse('approval-list')}?view=open",
        )

    def get_actions(self) -> Sequence[Action]:
        address = reverse("approval-list")
        return [
            Action("Asked by me", f"{address}?view=mine"),
            Action("All that wait", f"{address}?view=open"),
            Action("Rules of approval", reverse("approval-rules")),
        ]


def _read(request: HttpRequest, pk: int) -> ApprovalRequest:
    rows = requests_visible_to(request.user).select_related(
        "author", "closed_by", "decision__approver", "decision__break_glass__opened_by"
    )
    return get_object_or_404(rows, pk=pk)


@require_safe
def approval_page(request: HttpRequest, pk: int) -> HttpResponse:
    """What is asked for, as a difference, with the buttons that this person may press."""
    person_of(request, allowed=may_see_approvals(request.user))
    return _respond(request, _read(request, pk))


@require_POST
def approval_decide(request: HttpRequest, pk: int) -> HttpResponse:
    """Approve or reject what was on the page. A refusal shows the page again, saying why."""
    person = person_of(request, allowed=may_see_approvals(request.user))
    found = _read(request, pk)
    at = timezone.now()
    if is_open(found, at=at):
        standing = standing_of(person, found, at=at)
        if not standing.may_approve:
            return _respond(request, found, refusal=standing.why_not, status=403)
    form = DecisionForm(request.POST)
    if not form.is_valid():
        return _respond(request, found, form=form)
    outcome = ApprovalOutcome(form.cleaned_data["outcome"])
    try:
        decide(
            request_id=pk,
            approver=person,
            outcome=outcome,
            seen_hash=form.cleaned_data["seen"],
            reason=form.cleaned_data["reason"],
            at=at,
        )
    except ApprovalRefusedError as error:
        if error.code == "no_reason":
            form.add_error("reason", error.reason)
            return _respond(request, found, form=form)
        is_conflict = isinstance(error, (NotPendingError, ChangedSinceError))
        return _respond(
            request, _read(request, pk), refusal=error.reason, status=409 if is_conflict else 403
        )
    messages.success(request, _DONE[outcome])
    return HttpResponseRedirect(reverse("approval", args=[pk]))


_DONE = {
    ApprovalOutcome.APPROVE: "Approved and carried out.",
    ApprovalOutcome.REJECT: "Rejected. Whoever asked is told why.",
}


@require_POST
def approval_withdraw(request: HttpRequest, pk: int) -> HttpResponse:
    """Take one's own request back."""
    person = person_of(request, allowed=may_see_approvals(request.user))
    found = _read(request, pk)
    form = WithdrawForm(request.POST)
    if not form.is_valid():
        return _respond(request, found, refusal="The reason is too long.", status=400)
    try:
        withdraw(request_id=pk, actor=person, reason=form.cleaned_data["reason"], at=timezone.now())
    except NotPendingError as error:
        return _respond(request, _read(request, pk), refusal=error.reason, status=409)
    except ApprovalRefusedError as error:
        return _respond(request, found, refusal=error.reason, status=403)
    messages.success(request, "Withdrawn. Nothing was changed.")
    return HttpResponseRedirect(reverse("approval", args=[pk]))


def _hands(found: ApprovalRequest) -> list[tuple[User, list[str]]]:
    """Who has a hand in a request, and in which ways, each person once."""
    hands: dict[User, list[str]] = {}
    for party in found.parties.select_related("user").order_by("pk"):
        hands.setdefault(party.user, []).append(party.get_part_display())
    return list(hands.items())


def _respond(
    request: HttpRequest,
    found: ApprovalRequest,
    *,
    form: DecisionForm | None = None,
    refusal: str = "",
    status: int = 200,
) -> HttpResponse:
    now = timezone.now()
    person = person_of(request, allowed=True)
    standing = standing_of(person, found, at=now)
    decision = getattr(found, "decision", None)
    context: dict[str, Any] = {
        "page_title": found.title,
        "page_lead": f"{kind_label(found.kind)}. Asked by {found.author}.",
        "breadcrumbs": [approvals_crumb()],
        "request_": found,
        "status": _status(found, standing),
        "changes": changes_of(found.content),
        "facts": found.content["facts"],
        "panels": render_panels(request, APPROVAL_SLOT, found),
        "parties": _hands(found),
        "decision": decision,
        "channel": Channel(decision.channel).label if decision else "",
        "standing": standing,
        "roles": roles_text(found),
        "hash_shown": found.content_hash[:HASH_SHOWN],
        "left": time_left(found.expires_at, now=now),
        "refusal": refusal,
        "form": form or DecisionForm(initial={"seen": found.content_hash}),
        "withdraw_form": WithdrawForm(auto_id="withdraw_%s"),
    }
    return render(request, "portal/approvals/approval_detail.html", context, status=status)


def _status(found: ApprovalRequest, standing: Standing) -> str:
    if found.status == ApprovalStatus.PENDING and not standing.is_open:
        return ApprovalStatus.EXPIRED
    return found.status
