"""Filters of the inbox of approvals and of the list of break-glass."""

from __future__ import annotations

from typing import Any

import django_filters
from django.db.models import QuerySet
from django.utils import timezone

from portal.approvals.registry import approval_kinds
from portal.choices import ApprovalStatus
from portal.models import ApprovalRequest, BreakGlass
from portal.selectors.approvals import asked_by, glasses_to_review, open_requests
from portal.shell.filters import SearchFilter, ShellFilterSet

VIEWS = (
    ("mine", "Asked by me"),
    ("open", "All that wait"),
    ("decided", "Decided"),
    ("all", "All"),
)


def _kinds() -> list[tuple[str, str]]:
    return sorted(((kind.key, kind.label) for kind in approval_kinds), key=lambda pair: pair[1])


class ApprovalFilters(ShellFilterSet):
    """Whose, of which kind, in which status. Without `view`: what waits for the reader."""

    q = SearchFilter(fields=("title", "subject", "reason", "author__full_name", "author__username"))
    view = django_filters.ChoiceFilter(
        choices=VIEWS, empty_label="Waiting for me", label="Show", method="of_view"
    )
    kind = django_filters.ChoiceFilter(choices=_kinds, empty_label="Any", label="Kind")
    status = django_filters.ChoiceFilter(
        choices=ApprovalStatus.choices, empty_label="Any", label="Status"
    )

    class Meta:
        model = ApprovalRequest
        fields = ()

    def of_view(self, rows: QuerySet[ApprovalRequest], name: str, value: str) -> Any:
        """Rows of one view; `all` is what the page starts from."""
        user = self.request.user
        if value == "mine":
            return rows.filter(pk__in=asked_by(user).order_by().values("pk"))
        if value == "open":
            waiting = open_requests(user, at=timezone.now())
            return rows.filter(pk__in=waiting.order_by().values("pk"))
        if value == "decided":
            return rows.filter(status__in=(ApprovalStatus.APPROVED, ApprovalStatus.REJECTED))
        return rows


class BreakGlassFilters(ShellFilterSet):
    """By words of the reason, and whether a review is missing."""

    q = SearchFilter(fields=("reason", "review", "opened_by__full_name", "opened_by__username"))
    state = django_filters.ChoiceFilter(
        choices=(("mine", "To be reviewed by me"), ("reviewed", "Reviewed")),
        empty_label="Any",
        label="Review",
        method="of_state",
    )

    class Meta:
        model = BreakGlass
        fields = ()

    def of_state(self, rows: QuerySet[BreakGlass], name: str, value: str) -> Any:
        """Rows that wait for the reader's review, or that have been reviewed."""
        if value == "mine":
            waiting = glasses_to_review(self.request.user).order_by()
            return rows.filter(pk__in=[glass.pk for glass in waiting])
        return rows.filter(reviewed_by__isnull=False)
