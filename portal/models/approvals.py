"""Four eyes: what is asked for, whose hands are in it, and what another person decided.

The rules that no caller may break are in the database as well (`portal/approvals/guards.py`):
what was asked never changes, a decision is made once, by a person without a hand in it, on exactly
the content that was asked for.
"""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from portal.choices import ApprovalOutcome, ApprovalPart, ApprovalStatus


class ApprovalPolicy(models.Model):
    """Who approves a kind of thing, and how long a request waits. Changed only by approval.

    A kind without a row follows what its registration says, as version 0.
    """

    kind = models.CharField(max_length=64)
    version = models.PositiveIntegerField()
    approver_roles = models.JSONField()
    request_days = models.PositiveIntegerField()
    effective_at = models.DateTimeField()
    retired_at = models.DateTimeField(null=True, blank=True)
    request = models.OneToOneField(
        "portal.ApprovalRequest", on_delete=models.PROTECT, related_name="+"
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["kind", "version"], name="portal_policy_version_once"),
            models.UniqueConstraint(
                fields=["kind"], condition=Q(retired_at__isnull=True), name="portal_policy_one_live"
            ),
            models.CheckConstraint(
                condition=Q(request_days__gte=1, request_days__lte=90),
                name="portal_policy_days_within_bounds",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind}, version {self.version}"


class BreakGlass(models.Model):
    """A stretch of time in which one person may decide alone, seen by everybody, reviewed after."""

    opened_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+"
    )
    opened_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    reason = models.TextField()
    closed_at = models.DateTimeField(null=True, blank=True)
    reviewed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    reviewed_at = models.DateTimeField(null=True, blank=True)
    review = models.TextField(blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=~Q(reason=""), name="portal_breakglass_says_why"),
            models.CheckConstraint(
                condition=Q(expires_at__gt=F("opened_at")), name="portal_breakglass_ends"
            ),
            models.CheckConstraint(
                condition=Q(reviewed_by__isnull=True) | ~Q(reviewed_by=F("opened_by")),
                name="portal_breakglass_reviewed_by_another",
            ),
        ]

    def __str__(self) -> str:
        return f"Break-glass {self.pk}"


class ApprovalRequest(models.Model):
    """Something that needs a second person, exactly as that person is shown it.

    `content` is what is shown, `payload` what is carried out, `content_hash` the SHA-256 over both
    with kind and subject. `target` is the outcome in one word, which the gate of the governed
    table compares. Days are UTC moments.
    """

    kind = models.CharField(max_length=64)
    subject = models.CharField(max_length=120)
    title = models.CharField(max_length=250)
    url = models.CharField(max_length=300, blank=True)
    payload = models.JSONField()
    content = models.JSONField()
    content_hash = models.CharField(max_length=64)
    target = models.CharField(max_length=160)
    reason = models.TextField(blank=True)
    author = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    approver_roles = models.CharField(max_length=200)  # |role|role|, as the policy said then
    policy_version = models.PositiveIntegerField()
    requested_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    status = models.CharField(max_length=16, choices=ApprovalStatus, default=ApprovalStatus.PENDING)
    closed_at = models.DateTimeField(null=True, blank=True)
    closed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    closed_why = models.TextField(blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(status__in=ApprovalStatus.values), name="portal_approval_known_status"
            ),
            models.UniqueConstraint(
                fields=["kind", "subject"],
                condition=Q(status="pending"),
                name="portal_approval_one_pending",
            ),
            models.CheckConstraint(
                condition=Q(expires_at__gt=F("requested_at")), name="portal_approval_expires"
            ),
        ]
        indexes = [
            models.Index(fields=["status", "-requested_at"], name="portal_approval_by_status"),
            # The gates of governed tables look here at every governed write.
            models.Index(fields=["kind", "subject", "target"], name="portal_approval_by_target"),
        ]

    def __str__(self) -> str:
        return self.title


class ApprovalParty(models.Model):
    """A person with a hand in a request: who asks, who edited what is shown, who gains by it.

    `person_key` and `email` are as they were then, so that changing them later hides nothing.
    """

    request = models.ForeignKey(ApprovalRequest, on_delete=models.PROTECT, related_name="parties")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    part = models.CharField(max_length=16, choices=ApprovalPart)
    person_key = models.CharField(max_length=200)
    email = models.EmailField(blank=True)  # in lower case

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["request", "user", "part"], name="portal_approvalparty_once"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user_id}: {self.get_part_display()}"


class ApprovalDecision(models.Model):
    """What the second person decided, on which content, by which way. Never changed."""

    request = models.OneToOneField(
        ApprovalRequest, on_delete=models.PROTECT, related_name="decision"
    )
    approver = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+"
    )
    outcome = models.CharField(max_length=16, choices=ApprovalOutcome)
    content_hash = models.CharField(max_length=64)
    reason = models.TextField(blank=True)
    decided_at = models.DateTimeField()
    channel = models.CharField(max_length=16)
    break_glass = models.ForeignKey(
        BreakGlass, on_delete=models.PROTECT, null=True, blank=True, related_name="decisions"
    )

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(outcome__in=ApprovalOutcome.values),
                name="portal_approvaldecision_known_outcome",
            ),
            models.CheckConstraint(
                condition=~Q(outcome="reject") | ~Q(reason=""),
                name="portal_approvaldecision_rejection_says_why",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_outcome_display()} by {self.approver_id}"
