"""Versions of metrics, how far each is trusted where, and their values with all history."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from adoption.choices import ScopeKind, StandingStatus, ValueStatus


class MetricVersion(models.Model):
    """One definition, word for word as it was when first seen. Never changed, never deleted."""

    key = models.CharField(max_length=80)
    version = models.CharField(max_length=20)
    definition = models.JSONField()
    definition_sha256 = models.CharField(max_length=64)
    first_seen_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["key", "version"], name="adoption_metricversion_once"),
        ]

    def __str__(self) -> str:
        return f"{self.key} {self.version}"


class MetricStanding(models.Model):
    """How far one version of a metric is trusted in one scope; moved by approvals and by time.

    `scope_id` is the key of a programme, use case, team or service; 0 stands for all of the kind.
    `seen_until` and `seen_sha256` are what the approver looked at: the values of the windows that
    ended by that day, word for word. `needs_finance` marks money, which finance alone certifies.
    """

    metric_version = models.ForeignKey(
        MetricVersion, on_delete=models.PROTECT, related_name="standings"
    )
    scope_kind = models.CharField(max_length=16, choices=ScopeKind)
    scope_id = models.BigIntegerField(default=0)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    status = models.CharField(
        max_length=16, choices=StandingStatus, default=StandingStatus.DRAFT, editable=False
    )
    status_reason = models.TextField(blank=True, editable=False)
    status_since = models.DateTimeField()
    approval = models.ForeignKey(
        "portal.ApprovalRequest", on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    valid_until = models.DateTimeField(null=True, blank=True)  # of the approval
    certified_until = models.DateTimeField(null=True, blank=True)
    seen_until = models.DateField(null=True, blank=True)
    seen_sha256 = models.CharField(max_length=64, blank=True)
    needs_finance = models.BooleanField(default=False)
    sunset_on = models.DateField(null=True, blank=True)
    version = models.PositiveIntegerField(default=1)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["metric_version", "scope_kind", "scope_id"],
                name="adoption_metricstanding_once",
            ),
            models.CheckConstraint(
                condition=Q(status__in=StandingStatus.values),
                name="adoption_metricstanding_known_status",
            ),
            models.CheckConstraint(
                condition=~Q(status="certified") | Q(certified_until__isnull=False),
                name="adoption_metricstanding_certificate_ends",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.metric_version_id} in {self.scope_kind} {self.scope_id}: {self.status}"


class MetricValue(models.Model):
    """One value of one version in one scope and window, as it was known for a while.

    When its facts change a new row is written with the next `data_version`, and the old one gets
    `superseded_at`: nothing is overwritten, so any earlier answer can be given again. `facts` is
    the canonical text that the value is calculated from. The `nano` columns are in nano-units of
    the metric's unit; `contributors` is for the query layer and leaves it only as "enough".
    `settled_at` is when a fill found a provisional value unchanged although it had matured: from
    then on it is final. Read by `selectors/metric_values.py` alone, which withholds small groups.
    """

    metric_version = models.ForeignKey(
        MetricVersion, on_delete=models.PROTECT, related_name="values"
    )
    scope_kind = models.CharField(max_length=16, choices=ScopeKind)
    scope_id = models.BigIntegerField()
    window_starts_on = models.DateField()
    window_ends_on = models.DateField()  # exclusive
    zone = models.CharField(max_length=64)
    data_version = models.PositiveIntegerField(default=1)
    value_nano = models.BigIntegerField(null=True, blank=True)
    reason = models.CharField(max_length=64, blank=True)
    missing = models.CharField(max_length=200, blank=True)
    n = models.PositiveIntegerField(default=0)
    contributors = models.PositiveIntegerField(null=True, blank=True)
    interval_low_nano = models.BigIntegerField(null=True, blank=True)
    interval_high_nano = models.BigIntegerField(null=True, blank=True)
    interval_method = models.CharField(max_length=40, blank=True)
    interval_level_percent = models.PositiveSmallIntegerField(null=True, blank=True)
    coverage_nano = models.BigIntegerField(null=True, blank=True)
    unknown_share_nano = models.BigIntegerField(null=True, blank=True)
    currency = models.CharField(max_length=3, blank=True)
    basis = models.CharField(max_length=16, blank=True)
    status = models.CharField(max_length=16, choices=ValueStatus)
    facts = models.TextField()
    facts_sha256 = models.CharField(max_length=64)
    data_as_of = models.DateTimeField()
    computed_at = models.DateTimeField()
    settled_at = models.DateTimeField(null=True, blank=True)
    superseded_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=[
                    "metric_version",
                    "scope_kind",
                    "scope_id",
                    "window_starts_on",
                    "window_ends_on",
                    "data_version",
                ],
                name="adoption_metricvalue_once",
            ),
            models.UniqueConstraint(
                fields=[
                    "metric_version",
                    "scope_kind",
                    "scope_id",
                    "window_starts_on",
                    "window_ends_on",
                ],
                condition=Q(superseded_at__isnull=True),
                name="adoption_metricvalue_one_current",
            ),
            models.CheckConstraint(
                condition=Q(value_nano__isnull=True, reason__gt="")
                | Q(value_nano__isnull=False, reason=""),
                name="adoption_metricvalue_or_reason",
            ),
            models.CheckConstraint(
                condition=Q(window_ends_on__gt=F("window_starts_on")),
                name="adoption_metricvalue_window_is_half_open",
            ),
            models.CheckConstraint(
                condition=Q(status__in=ValueStatus.values),
                name="adoption_metricvalue_known_status",
            ),
        ]
        indexes = [
            models.Index(
                fields=["metric_version", "window_ends_on"], name="adoption_metricvalue_windows"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.metric_version_id} {self.window_starts_on}: {self.value_nano}"


class FillWatermark(models.Model):
    """Up to which day a metric version is filled, whole windows only."""

    metric_version = models.OneToOneField(
        MetricVersion, on_delete=models.PROTECT, related_name="watermark"
    )
    filled_until = models.DateField()
    filled_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.metric_version_id} until {self.filled_until}"


class ValueWrite(models.Model):
    """How often values of a version, or how far and when it was filled, were written.

    Grows in the transaction of every such write, so whatever was made of the values holds until it
    differs. Asking the values themselves would read all of them.
    """

    metric_version = models.OneToOneField(
        MetricVersion, on_delete=models.PROTECT, related_name="value_writes"
    )
    writes = models.PositiveBigIntegerField()

    def __str__(self) -> str:
        return f"{self.metric_version_id}: {self.writes}"
