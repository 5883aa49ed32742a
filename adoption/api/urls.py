"""Adoption's addresses below /api/v1/."""

from __future__ import annotations

from django.urls import path

from adoption.api.deliveries import OwnDeliveriesView, UseCaseDeliveriesView
from adoption.api.hooks import HooksView
from adoption.api.ingest import ChangesView, DeploymentsView
from adoption.api.metrics import MetricsView, MetricView
from adoption.api.milestones import MilestonesView, MilestoneView
from adoption.api.problems import register_translations
from adoption.api.programmes import ProgrammesView
from adoption.api.targets import TargetsView, TargetView, UseCaseTargetsView
from adoption.api.teams import TeamsView
from adoption.api.use_cases import UseCasesView, UseCaseView

register_translations()

urlpatterns = [
    path("programmes/", ProgrammesView.as_view(), name="api-programmes"),
    path("teams/", TeamsView.as_view(), name="api-teams"),
    path("use-cases/", UseCasesView.as_view(), name="api-use-cases"),
    path("use-cases/<slug:slug>/", UseCaseView.as_view(), name="api-use-case"),
    path("use-cases/<slug:slug>/milestones/", MilestonesView.as_view(), name="api-milestones"),
    path(
        "use-cases/<slug:slug>/milestones/<int:milestone_id>/",
        MilestoneView.as_view(),
        name="api-milestone",
    ),
    path(
        "use-cases/<slug:slug>/deliveries/",
        UseCaseDeliveriesView.as_view(),
        name="api-use-case-deliveries",
    ),
    path(
        "use-cases/<slug:slug>/targets/", UseCaseTargetsView.as_view(), name="api-use-case-targets"
    ),
    path("targets/", TargetsView.as_view(), name="api-targets"),
    path("targets/<int:target_id>/", TargetView.as_view(), name="api-target"),
    path("deliveries/", OwnDeliveriesView.as_view(), name="api-deliveries"),
    path("changes/", ChangesView.as_view(), name="api-changes"),
    path("deployments/", DeploymentsView.as_view(), name="api-deployments"),
    path("hooks/<str:provider>/<str:connection>/", HooksView.as_view(), name="api-hooks"),
    path("metrics/", MetricsView.as_view(), name="api-metrics"),
    path("metrics/<str:key>/", MetricView.as_view(), name="api-metric"),
]
