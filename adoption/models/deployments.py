"""What is deployed, and each rollout of it."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from adoption.choices import DeploymentStatus, EnvironmentTier
from adoption.models.changes import Repository


class Service(models.Model):
    """What is deployed. For a repository that deploys as one thing, the repository itself."""

    key = models.CharField(max_length=200, unique=True)
    name = models.CharField(max_length=120)
    repository = models.ForeignKey(Repository, on_delete=models.PROTECT, related_name="services")

    def __str__(self) -> str:
        return self.name


class Deployment(models.Model):
    """One rollout of one service to one environment.

    `is_baseline` marks the first one of a service in production: what it contains was there
    before anybody looked, so it delivers nothing.
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
    sha = models.CharField(max_length=64)
    finished_at = models.DateTimeField()
    is_baseline = models.BooleanField(default=False)
    is_redeploy = models.BooleanField(default=False)
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
        ]
        indexes = [
            models.Index(
                fields=["service", "tier", "finished_at"], name="adoption_deployment_in_order"
            )
        ]

    def __str__(self) -> str:
        return f"{self.version or self.sha[:12]} to {self.environment}"
