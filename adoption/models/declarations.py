"""What people said about the part that AI had in a change, and what new rules made of old text."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q

from adoption.choices import DeclarationChannel, Involvement
from adoption.models.changes import Change


class Declaration(models.Model):
    """One statement that AI had a part in a change, or had none. Rules never touch corrections.

    Labels and boxes are read from the provider and follow it; a correction is the author's own
    word, outranks everything that was seen, and stays.
    """

    change = models.ForeignKey(Change, on_delete=models.CASCADE, related_name="declarations")
    channel = models.CharField(max_length=24, choices=DeclarationChannel)
    says = models.CharField(max_length=8, choices=Involvement)
    raw = models.CharField(max_length=500, blank=True)
    said_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    said_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["change", "channel"], name="adoption_declaration_once_a_channel"
            ),
            models.CheckConstraint(
                condition=Q(says__in=("ai", "human")), name="adoption_declaration_says_which"
            ),
            models.CheckConstraint(
                condition=~Q(channel="correction") | Q(said_by__isnull=False),
                name="adoption_declaration_corrected_by_somebody",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.change_id}: {self.says}"


class Reclassification(models.Model):
    """One run of a version of the evidence rules over everything that is kept.

    Counts are changes by strength, `none` for those without a sign: before and after.
    """

    rules_version = models.CharField(max_length=20)
    started_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True, blank=True)
    changes_read = models.PositiveIntegerField(default=0)
    changes_moved = models.PositiveIntegerField(default=0)
    signs_added = models.PositiveIntegerField(default=0)
    signs_removed = models.PositiveIntegerField(default=0)
    before = models.JSONField(default=dict)
    after = models.JSONField(default=dict)

    class Meta:
        ordering = ["-started_at", "-pk"]

    def __str__(self) -> str:
        return f"rules {self.rules_version}"
