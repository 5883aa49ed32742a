"""What is deployed, and each rollout of it."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from adoption.choices import DeploymentStatus, EnvironmentTier, Remediation
from adoption.models.changes import Repository


class Service(models.Model):
    """What is deployed. For a repository that deploys as one thing, the repository itself."""

    key = models.CharField(max_length=200, unique=True)
    name = models.CharField(max_length=120)
    repository = models.ForeignKey(Repository, on_delete=models.PROTECT, related_name="services")
    # Path prefixes that it is made of; empty: the whole repository.
    paths = models.JSONField(default=list, blank=True)
    # Whether its first production deployment delivers what it contains; otherwise it is a baseline.
    first_delivers = models.BooleanField(default=False)

    def __str__(self) -> str:
        return self.name


class Deployment(models.Model):
    """One rollout of one service to one environment.

    `is_baseline` marks the first one of a service in production: what it contains was there
    before anybody looked, so it delivers nothing. `remediation` says that it needed intervention.
    """

    connection = models.ForeignKey(
        "portal.Connection", on_delete=models.PROTECT, related_name="deployments"
    )
    service = models.ForeignKey(Service, on_delete=models.PROTECT, related_name="deployments")
    external_id = models.CharField(max_length=200)
    environment = models.CharField(max_length=120)  # as the source says it
    tier = models.CharField(max_length=16, choices=EnvironmentTier)
    status = models.CharField(max_length=16, choices=DeploymentStatus)
    version = models.CharField(max_length=200, blank=True)
    sha = models.CharField(max_length=64, blank=True)  # empty while only the artifact is known
    queued_at = models.DateTimeField(null=True, blank=True)
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    raw_status = models.CharField(max_length=40, blank=True)  # in the source's word
    ref = models.CharField(max_length=250, blank=True)
    url = models.URLField(max_length=500, blank=True)
    artifact = models.CharField(max_length=300, blank=True)
    trigger = models.CharField(max_length=60, blank=True)
    group_id = models.CharField(max_length=200, blank=True)
    included = models.JSONField(default=list, blank=True)  # numbers that the provider lists
    included_commits = models.JSONField(default=list, blank=True)
    said_rollback = models.BooleanField(default=False)
    rolls_back_to = models.CharField(max_length=200, blank=True)
    fixes = models.CharField(max_length=200, blank=True)
    # Every status with its time, and when each field was said: the order of arrival means nothing.
    events = models.JSONField(default=list, blank=True)
    stamps = models.JSONField(default=dict, blank=True)
    is_baseline = models.BooleanField(default=False)
    is_redeploy = models.BooleanField(default=False)
    is_rollback = models.BooleanField(default=False)
    remediation = models.CharField(max_length=16, choices=Remediation, blank=True)
    remediated_by = models.ForeignKey(
        "self", on_delete=models.SET_NULL, null=True, blank=True, related_name="remediates"
    )
    content = models.UUIDField()
    imported_by = models.ForeignKey(
        "portal.ImportRun", on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["connection", "external_id"], name="adoption_deployment_once"
            ),
            models.CheckConstraint(
                condition=Q(tier__in=EnvironmentTier.values), name="adoption_deployment_known_tier"
            ),
            models.CheckConstraint(
                condition=Q(status__in=DeploymentStatus.values),
                name="adoption_deployment_known_status",
            ),
            models.CheckConstraint(
                condition=~Q(status="succeeded") | Q(finished_at__isnull=False),
                name="adoption_deployment_ended_when",
            ),
        ]
        indexes = [
            models.Index(
                fields=["connection", "artifact"],
                name="adoption_deployment_artifact",
                condition=~Q(artifact=""),
            ),
            models.Index(
                fields=["service", "tier", "finished_at"], name="adoption_deployment_in_order"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.version or self.sha[:12]} to {self.environment}"


class Artifact(models.Model):
    """From which commit an artifact was packaged; joins deployments that name no commit."""

    connection = models.ForeignKey("portal.Connection", on_delete=models.PROTECT, related_name="+")
    key = models.CharField(max_length=300)
    sha = models.CharField(max_length=64)
    repository = models.CharField(max_length=200, blank=True)
    stamps = models.JSONField(default=dict, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["connection", "key"], name="adoption_artifact_once"),
        ]

    def __str__(self) -> str:
        return self.key
