"""Reading services and deployments. Who deployed is not read: it is no measure of anybody."""

from __future__ import annotations

from django.db.models import Case, CharField, Count, Max, Q, QuerySet, Value, When
from django.db.models.functions import Left

from adoption.choices import DeploymentStatus, EnvironmentTier
from adoption.models import Deployment, Service, ServiceSplit
from adoption.policies import may_see_registry
from portal.policies import AnyUser

_PRODUCTION = Q(
    deployments__tier=EnvironmentTier.PRODUCTION,
    deployments__status=DeploymentStatus.SUCCEEDED,
)


def services_visible_to(user: AnyUser) -> QuerySet[Service]:
    """Services with their production deployments: how many, how many needed intervention, the
    last one."""
    rows = (
        Service.objects.select_related("repository")
        .annotate(
            environments=Count("deployments__environment", distinct=True),
            production=Count("deployments", filter=_PRODUCTION),
            mended=Count("deployments", filter=_PRODUCTION & ~Q(deployments__remediation="")),
            last_production=Max("deployments__finished_at", filter=_PRODUCTION),
        )
        .order_by("name", "pk")
    )
    return rows if may_see_registry(user) else rows.none()


def is_split_off(service: Service) -> bool:
    """Whether it is known which service it came out of."""
    return ServiceSplit.objects.filter(child=service).exists()


def deployments_visible_to(user: AnyUser) -> QuerySet[Deployment]:
    """Deployments, newest first, with how many changes each delivered first. Steps of a pull
    request are not counted beside it."""
    rows = (
        Deployment.objects.select_related("service", "connection")
        .annotate(
            delivered=Count("delivered_changes", filter=Q(delivered_changes__part_of__isnull=True)),
            commit=Left("sha", 12),
            mark=Case(
                When(is_baseline=True, then=Value("baseline")),
                When(is_rollback=True, then=Value("rollback")),
                When(is_redeploy=True, then=Value("redeploy")),
                default=Value("deploy"),
                output_field=CharField(),
            ),
        )
        .order_by("-pk")
    )
    return rows if may_see_registry(user) else rows.none()
