"""Dashboards: tiles of registered metrics with an owner, a purpose and the goal they serve."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q

from adoption.choices import AccessAction, DashboardStatus
from adoption.models.milestones import Milestone

# In review is told by the open request, so that no stored word can be forgotten there.
STORED_STATUSES = [status.value for status in DashboardStatus if status != "in_review"]


class Dashboard(models.Model):
    """What its owner works on, and which version of it is approved.

    `tiles` is the working copy, in order: objects with `kind`, `metric_version` (key of a
    MetricVersion), `scope_kind`, `scope_id` and `title`. `status` and everything about the approved
    version change by approval or by time only. The goal may be withdrawn, hence null; a dashboard
    without one cannot be submitted.
    """

    slug = models.SlugField(max_length=120, unique=True)
    title = models.CharField(max_length=160)
    purpose = models.TextField()
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="dashboards"
    )
    milestone = models.ForeignKey(
        Milestone, on_delete=models.SET_NULL, null=True, blank=True, related_name="dashboards"
    )
    tiles = models.JSONField(default=list, blank=True)
    editors_since_approval = models.JSONField(default=list, blank=True, editable=False)
    status = models.CharField(
        max_length=16, choices=DashboardStatus, default=DashboardStatus.DRAFT, editable=False
    )
    status_reason = models.TextField(blank=True, editable=False)
    status_since = models.DateTimeField()
    approved_version = models.ForeignKey(
        "DashboardVersion", on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    approval = models.ForeignKey(
        "portal.ApprovalRequest", on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    approved_at = models.DateTimeField(null=True, blank=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField()
    version = models.PositiveIntegerField(default=1)

    class Meta:
        ordering = ["title", "pk"]
        constraints = [
            models.CheckConstraint(
                condition=Q(status__in=STORED_STATUSES), name="adoption_dashboard_known_status"
            ),
            models.CheckConstraint(
                condition=~Q(status__in=["approved", "review_due"])
                | Q(
                    approved_version__isnull=False,
                    approval__isnull=False,
                    approved_at__isnull=False,
                    expires_at__isnull=False,
                ),
                name="adoption_dashboard_approved_is_dated",
            ),
        ]

    def __str__(self) -> str:
        return self.title


class DashboardVersion(models.Model):
    """A dashboard as it was submitted, word for word. Never changed, never deleted.

    `document` is canonical JSON: title, purpose, goal and tiles, each tile with key, version and
    hash of its definition.
    """

    dashboard = models.ForeignKey(Dashboard, on_delete=models.PROTECT, related_name="versions")
    number = models.PositiveIntegerField()
    document = models.TextField()
    sha256 = models.CharField(max_length=64)
    submitted_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+"
    )
    submitted_at = models.DateTimeField()

    class Meta:
        ordering = ["-number"]
        constraints = [
            models.UniqueConstraint(
                fields=["dashboard", "number"], name="adoption_dashboardversion_once"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.dashboard_id} version {self.number}"


class DashboardStatusChange(models.Model):
    """A line of a dashboard's log: what it became, why, by whom (empty: by time), from when."""

    dashboard = models.ForeignKey(
        Dashboard, on_delete=models.PROTECT, related_name="status_changes"
    )
    from_status = models.CharField(max_length=16, choices=DashboardStatus)
    to_status = models.CharField(max_length=16, choices=DashboardStatus)
    number = models.PositiveIntegerField(null=True, blank=True)  # of the approved version
    reason = models.TextField(blank=True)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
    )
    approval = models.ForeignKey(
        "portal.ApprovalRequest", on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    changed_at = models.DateTimeField()

    class Meta:
        ordering = ["-changed_at", "-pk"]

    def __str__(self) -> str:
        return f"{self.dashboard_id}: {self.from_status} to {self.to_status}"


class DashboardAccess(models.Model):
    """How often an approved version was looked at in one day by people of one role.

    There is no person in it and no moment: it says whether a dashboard is used, not by whom.
    """

    dashboard = models.ForeignKey(Dashboard, on_delete=models.CASCADE, related_name="accesses")
    number = models.PositiveIntegerField()
    day = models.DateField()
    role = models.CharField(max_length=20)
    action = models.CharField(max_length=16, choices=AccessAction)
    count = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["dashboard", "number", "day", "role", "action"],
                name="adoption_dashboardaccess_once",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.dashboard_id} {self.day} {self.role} {self.action}: {self.count}"
