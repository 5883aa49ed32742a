"""What the monitor noticed about numbers that may have been played with."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q

from adoption.choices import ScopeKind


class GamingFinding(models.Model):
    """One telltale of one service, team or use case in one window. Never of a person.

    A finding accuses nobody: it says what moved, and somebody says what is behind it. `facts` are
    the counts that it rests on.
    """

    telltale = models.CharField(max_length=40)  # key in `metrics.monitor.telltales`
    scope_kind = models.CharField(max_length=16, choices=ScopeKind)
    scope_id = models.BigIntegerField()
    scope_name = models.CharField(max_length=200)
    window_starts_on = models.DateField()
    window_ends_on = models.DateField()  # exclusive
    said = models.CharField(max_length=300)
    facts = models.JSONField()
    found_at = models.DateTimeField()
    acknowledged_at = models.DateTimeField(null=True, blank=True, editable=False)
    acknowledged_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        editable=False,
    )
    reason = models.CharField(max_length=500, blank=True, editable=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["telltale", "scope_kind", "scope_id", "window_starts_on"],
                name="adoption_gamingfinding_once",
            ),
            models.CheckConstraint(
                condition=Q(scope_kind__in=ScopeKind.values),
                name="adoption_gamingfinding_never_a_person",
            ),
            models.CheckConstraint(
                condition=Q(acknowledged_at__isnull=True, acknowledged_by__isnull=True, reason="")
                | Q(acknowledged_at__isnull=False, acknowledged_by__isnull=False, reason__gt=""),
                name="adoption_gamingfinding_acknowledged_with_a_reason",
            ),
        ]

    def __str__(self) -> str:
        return self.said
