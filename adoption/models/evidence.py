"""One observed sign of AI assistance on a change."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from adoption.choices import Strength
from adoption.models.changes import Change


class Evidence(models.Model):
    """What was seen, where, and by which version of which rule. Raw text is kept as it came."""

    change = models.ForeignKey(Change, on_delete=models.CASCADE, related_name="evidence")
    channel = models.CharField(max_length=32)
    agent = models.CharField(max_length=64)
    model = models.CharField(max_length=120, blank=True)
    strength = models.CharField(max_length=16, choices=Strength)
    session_ref = models.CharField(max_length=300, blank=True)
    raw = models.TextField()
    raw_digest = models.UUIDField()
    rule_key = models.CharField(max_length=64)
    rule_version = models.PositiveIntegerField()
    observed_at = models.DateTimeField()

    class Meta:
        verbose_name_plural = "evidence"
        constraints = [
            models.UniqueConstraint(
                fields=["change", "channel", "agent", "raw_digest"], name="adoption_evidence_once"
            ),
            models.CheckConstraint(
                condition=Q(strength__in=Strength.values), name="adoption_evidence_known_strength"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.agent} ({self.strength})"
