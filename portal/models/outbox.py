"""Background work as rows: what is to be done, what was decided about it, and when jobs were due.

The row is the truth and the queue a hint. A row is written in the transaction of the change that
calls for the work, so that both happen or neither; see `portal/work/README.md`.
"""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q

from portal.choices import SlotOutcome, WorkAction, WorkStatus


class WorkItem(models.Model):
    """One piece of background work.

    `kind` names what is done (`portal.work.registry`), `key` what it is done to: of one kind and
    key at most one item is open. `payload` holds ids, never content or secrets. `token` names the
    attempt that may finish it; every write of an attempt asks for its own token. `look_at` is when
    the sweeper has to look at an open item next, whatever the reason.
    """

    kind = models.CharField(max_length=100)
    key = models.CharField(max_length=200, blank=True)
    payload = models.JSONField(default=dict, blank=True)
    queue = models.CharField(max_length=40)
    status = models.CharField(max_length=16, choices=WorkStatus, default=WorkStatus.QUEUED)
    attempt = models.PositiveIntegerField(default=0)
    again = models.BooleanField(default=False)  # asked for once more while it was running
    requests = models.PositiveIntegerField(default=1)  # how often it was asked for
    not_before = models.DateTimeField(null=True, blank=True)
    look_at = models.DateTimeField()
    sends = models.PositiveIntegerField(default=0)  # by the sweeper, since it was queued

    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    requested_at = models.DateTimeField()
    request_id = models.CharField(max_length=64, blank=True)
    started_at = models.DateTimeField(null=True, blank=True)
    heartbeat_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    token = models.UUIDField(null=True, blank=True)
    worker = models.CharField(max_length=120, blank=True)
    problem = models.TextField(blank=True)  # the last one, as a sentence

    phase = models.CharField(max_length=120, blank=True)
    progress_done = models.PositiveBigIntegerField(null=True, blank=True)
    progress_total = models.PositiveBigIntegerField(null=True, blank=True)

    class Meta:
        indexes = [
            models.Index(
                fields=["look_at"],
                name="portal_work_to_look_at",
                condition=Q(status__in=("queued", "running")),
            ),
            models.Index(fields=["status", "-id"], name="portal_work_by_status"),
            models.Index(fields=["kind", "-id"], name="portal_work_by_kind"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["kind", "key"],
                condition=Q(status__in=("queued", "running")),
                name="portal_work_open_once",
            ),
            models.CheckConstraint(
                condition=Q(status__in=WorkStatus.values), name="portal_work_known_status"
            ),
            models.CheckConstraint(
                condition=~Q(status="running")
                | Q(token__isnull=False, started_at__isnull=False, heartbeat_at__isnull=False),
                name="portal_work_running_has_an_attempt",
            ),
            models.CheckConstraint(
                condition=~Q(status__in=("held", "failed")) | ~Q(problem=""),
                name="portal_work_stopped_says_why",
            ),
        ]

    def __str__(self) -> str:
        return f"Work {self.pk}: {self.kind} {self.key}".rstrip()


class WorkDecision(models.Model):
    """What a person decided about an item that was held or failed, and why."""

    item = models.ForeignKey(WorkItem, on_delete=models.PROTECT, related_name="decisions")
    action = models.CharField(max_length=16, choices=WorkAction)
    reason = models.TextField()
    problem = models.TextField(blank=True)  # what had stopped the item at that time
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+"
    )
    decided_at = models.DateTimeField()

    class Meta:
        ordering = ["item_id", "id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(action__in=WorkAction.values), name="portal_workdecision_known_action"
            ),
            models.CheckConstraint(condition=~Q(reason=""), name="portal_workdecision_says_why"),
        ]

    def __str__(self) -> str:
        return f"{self.get_action_display()}: work {self.item_id}"


class ScheduledSlot(models.Model):
    """One due time of one scheduled job. Whoever inserts the row hands the job to the queue."""

    job = models.CharField(max_length=100)
    slot = models.DateTimeField()
    outcome = models.CharField(max_length=16, choices=SlotOutcome, default=SlotOutcome.RAN)
    skipped = models.PositiveIntegerField(default=0)  # earlier due times that this one stands for
    claimed_at = models.DateTimeField()
    item = models.ForeignKey(
        WorkItem, on_delete=models.SET_NULL, null=True, blank=True, related_name="slots"
    )

    class Meta:
        ordering = ["job", "-slot"]
        constraints = [
            models.UniqueConstraint(fields=["job", "slot"], name="portal_slot_once"),
            models.CheckConstraint(
                condition=Q(outcome__in=SlotOutcome.values), name="portal_slot_known_outcome"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.job} at {self.slot:%Y-%m-%d %H:%M:%S}"


class SignOfLife(models.Model):
    """When a part of the background work was last seen to do something.

    Written by a small task that has gone through scheduler, broker and worker, one for each queue.
    """

    name = models.CharField(max_length=100, unique=True)
    seen_at = models.DateTimeField()
    detail = models.CharField(max_length=200, blank=True)

    def __str__(self) -> str:
        return f"{self.name} at {self.seen_at:%Y-%m-%d %H:%M:%S}"
