"""The ledger of imports: runs, their files and the rows they did not take."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from portal.choices import RejectedRowState, RunPhase, RunStatus, RunTrigger
from portal.models.connections import Connection
from portal.wording import rejection_words


class ImportRun(models.Model):
    """One attempt to bring a connection's data up to what an input says.

    The row is committed before any work starts and is the request itself: the queue only hints at
    it, and a sweeper sends it again. Counts are rows; `totals_*` are exact decimal sums as text,
    by unit (for costs: currency) and measure; `facts` holds what a kind of import adds.
    """

    connection = models.ForeignKey(Connection, on_delete=models.PROTECT, related_name="runs")
    status = models.CharField(max_length=16, choices=RunStatus, default=RunStatus.QUEUED)
    trigger = models.CharField(max_length=16, choices=RunTrigger)
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    requested_at = models.DateTimeField()
    started_at = models.DateTimeField(null=True, blank=True)
    heartbeat_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    attempt = models.PositiveIntegerField(default=0)
    is_dry_run = models.BooleanField(default=False)
    replay_of = models.ForeignKey(
        "self", on_delete=models.PROTECT, null=True, blank=True, related_name="replays"
    )
    window_start = models.DateField(null=True, blank=True)
    window_end = models.DateField(null=True, blank=True)  # exclusive
    parser_version = models.CharField(max_length=32, blank=True)
    input_digest = models.CharField(max_length=64, blank=True)

    read = models.PositiveIntegerField(default=0)
    inserted = models.PositiveIntegerField(default=0)
    updated = models.PositiveIntegerField(default=0)
    unchanged = models.PositiveIntegerField(default=0)
    superseded = models.PositiveIntegerField(default=0)  # withdrawn by the source, not replaced
    rejected = models.PositiveIntegerField(default=0)
    totals_in = models.JSONField(default=dict, blank=True)
    totals_stored = models.JSONField(default=dict, blank=True)
    totals_residue = models.JSONField(default=dict, blank=True)
    facts = models.JSONField(default=dict, blank=True)
    notes = models.JSONField(default=list, blank=True)

    held_reason = models.TextField(blank=True)
    released_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    released_at = models.DateTimeField(null=True, blank=True)
    problem = models.TextField(blank=True)

    phase = models.CharField(max_length=16, choices=RunPhase, default=RunPhase.WAITING)
    progress_rows = models.PositiveIntegerField(default=0)

    class Meta:
        indexes = [
            models.Index(fields=["connection", "-id"], name="portal_run_by_connection"),
            models.Index(
                fields=["requested_at"],
                name="portal_run_open",
                condition=Q(status__in=("queued", "running")),
            ),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(status__in=RunStatus.values), name="portal_run_known_status"
            ),
            # The ledger balances or the run cannot be closed as applied.
            models.CheckConstraint(
                condition=~Q(status="applied")
                | Q(read=F("inserted") + F("updated") + F("unchanged") + F("rejected")),
                name="portal_run_ledger_balances",
            ),
            models.CheckConstraint(
                condition=Q(window_start__isnull=True)
                | Q(window_end__isnull=True)
                | Q(window_end__gt=F("window_start")),
                name="portal_run_window_is_half_open",
            ),
        ]

    def __str__(self) -> str:
        return f"Run {self.pk} of {self.connection_id}"


class ImportFile(models.Model):
    """One input file of a run. Its bytes lie in the landing directory under their hash."""

    run = models.ForeignKey(ImportRun, on_delete=models.PROTECT, related_name="files")
    index = models.PositiveIntegerField()
    name = models.CharField(max_length=255)
    sha256 = models.CharField(max_length=64)
    size = models.PositiveBigIntegerField()

    class Meta:
        ordering = ["run_id", "index"]
        constraints = [
            models.UniqueConstraint(fields=["run", "index"], name="portal_importfile_index_once"),
        ]

    def __str__(self) -> str:
        return self.name


class RejectedRow(models.Model):
    """A row that an import did not take, kept with all that is needed to mend and replay it.

    A repair belongs to the connection, not to the run: when the same raw text comes again, the
    mended text is read in its place.
    """

    connection = models.ForeignKey(
        Connection, on_delete=models.PROTECT, related_name="rejected_rows"
    )
    run = models.ForeignKey(ImportRun, on_delete=models.PROTECT, related_name="rejected_rows")
    file_index = models.PositiveIntegerField()
    file_name = models.CharField(max_length=255)
    line = models.PositiveBigIntegerField()
    field = models.CharField(max_length=120, blank=True)
    value = models.TextField(blank=True)
    code = models.CharField(max_length=64)
    expected = models.TextField(blank=True)
    raw_text = models.TextField()
    raw_sha256 = models.CharField(max_length=64)
    is_fatal = models.BooleanField(default=False)
    state = models.CharField(
        max_length=16, choices=RejectedRowState, default=RejectedRowState.WAITING
    )
    repaired_text = models.TextField(blank=True)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    decided_at = models.DateTimeField(null=True, blank=True)
    decision_reason = models.TextField(blank=True)

    class Meta:
        indexes = [
            models.Index(fields=["connection", "state"], name="portal_rejected_by_state"),
            models.Index(fields=["connection", "raw_sha256"], name="portal_rejected_by_raw"),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(state__in=RejectedRowState.values), name="portal_rejected_known_state"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.file_name}, line {self.line}: {self.code}"

    @property
    def reason_text(self) -> str:
        """The code as words: `Bad datetime`."""
        return rejection_words(self.code)
