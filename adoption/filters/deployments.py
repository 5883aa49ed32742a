"""Filters of services and deployments."""

from __future__ import annotations

import django_filters

from adoption.choices import DeploymentStatus, EnvironmentTier
from adoption.models import Deployment, Service
from portal.shell.filters import SearchFilter, ShellFilterSet


class ServiceFilters(ShellFilterSet):
    """By words of the name or the repository."""

    q = SearchFilter(fields=("name", "key", "repository__key"), label="Service or repository")

    class Meta:
        model = Service
        fields = ()


class DeploymentFilters(ShellFilterSet):
    """By tier, status, and words of version, environment or commit."""

    tier = django_filters.ChoiceFilter(
        choices=EnvironmentTier.choices, empty_label="Any", label="Tier"
    )
    status = django_filters.ChoiceFilter(
        choices=DeploymentStatus.choices, empty_label="Any", label="Status"
    )
    q = SearchFilter(fields=("version", "environment", "sha"), label="Version, place or commit")

    class Meta:
        model = Deployment
        fields = ()
