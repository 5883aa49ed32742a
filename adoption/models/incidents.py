"""What went wrong in production, as a paging or incident system says it."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q

from adoption.choices import Severity
from adoption.models.deployments import Service


class Incident(models.Model):
    """One incident of one service.

    The service is kept as the sender's key: an incident may arrive before the first deployment
    that makes the service known. `severities` holds every severity that was said, with its time;
    `severity` is the latest and `worst` the highest of them, so that lowering it later hides
    nothing. Who was called is not stored.
    """

    connection = models.ForeignKey(
        "portal.Connection", on_delete=models.PROTECT, related_name="incidents"
    )
    external_id = models.CharField(max_length=200)
    service_key = models.CharField(max_length=200, blank=True)  # empty: the sender does not say
    title = models.CharField(max_length=500, blank=True)  # the source's text
    url = models.URLField(max_length=500, blank=True)
    severity = models.CharField(max_length=16, choices=Severity, default=Severity.UNKNOWN)
    worst = models.CharField(max_length=16, choices=Severity, default=Severity.UNKNOWN)
    raw_severity = models.CharField(max_length=40, blank=True)  # in the source's word
    downgraded_from = models.CharField(max_length=16, choices=Severity, blank=True)
    severities = models.JSONField(default=list, blank=True)  # [time, raw, severity]
    # Whether a person had to act. None: the sender does not say, which is never taken for "no".
    human_actioned = models.BooleanField(null=True, blank=True)
    opened_at = models.DateTimeField(null=True, blank=True)  # None: only its end was said so far
    acknowledged_at = models.DateTimeField(null=True, blank=True)
    resolved_at = models.DateTimeField(null=True, blank=True)
    # Ids as the sender has them: of a deployment its id or version, of a change its number or
    # commit. They are looked up when they are used, so that the order of arrival means nothing.
    caused_by_deployment = models.CharField(max_length=200, blank=True)
    caused_by_change = models.CharField(max_length=200, blank=True)
    fixed_by_deployment = models.CharField(max_length=200, blank=True)
    stamps = models.JSONField(default=dict, blank=True)
    imported_by = models.ForeignKey(
        "portal.ImportRun", on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["connection", "external_id"], name="adoption_incident_once"
            ),
            models.CheckConstraint(
                condition=Q(severity__in=Severity.values) & Q(worst__in=Severity.values),
                name="adoption_incident_known_severity",
            ),
        ]
        indexes = [
            models.Index(fields=["service_key", "opened_at"], name="adoption_incident_in_order"),
        ]

    def __str__(self) -> str:
        return self.title or self.external_id


class ServiceSplit(models.Model):
    """A dated statement that one service came out of another, and inherits its baseline.

    Without it a team could double its index by cutting a service in two.
    """

    parent = models.ForeignKey(Service, on_delete=models.PROTECT, related_name="split_into")
    child = models.OneToOneField(Service, on_delete=models.PROTECT, related_name="split_from")
    split_on = models.DateField()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=~Q(parent=F("child")), name="adoption_servicesplit_not_its_own_parent"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.child_id} out of {self.parent_id}"
