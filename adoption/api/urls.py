"""Adoption's addresses below /api/v1/."""

from __future__ import annotations

from django.urls import path

from adoption.api.attestations import (
    AttestationView,
    AttestedMilestonesView,
    AttestedMilestoneView,
)
from adoption.api.dashboards import DashboardView
from adoption.api.deliveries import OwnDeliveriesView, UseCaseDeliveriesView
from adoption.api.dora import ServiceDoraView
from adoption.api.hooks import HooksView
from adoption.api.impact import RegistrationsView, VerdictsView
from adoption.api.ingest import ChangesView, DeploymentsView, IncidentsView
from adoption.api.mcp import McpView
from adoption.api.metric_explanations import ExplainValueView
from adoption.api.metric_values import MetricValuesView
from adoption.api.metrics import MetricsView, MetricView
from adoption.api.milestones import MilestonesView, MilestoneView
from adoption.api.problems import register_translations
from adoption.api.programmes import ProgrammesView
from adoption.api.sandbox import SandboxMetricsView, SandboxValuesView
from adoption.api.snapshots import SnapshotsView, SnapshotView
from adoption.api.suggestions import (
    SuggestionConfirmView,
    SuggestionDismissView,
    SuggestionsView,
)
from adoption.api.targets import TargetsView, TargetView, UseCaseTargetsView
from adoption.api.teams import TeamsView
from adoption.api.use_case_notes import CommentsView, LinksView
from adoption.api.use_cases import UseCasesView, UseCaseView

register_translations()

urlpatterns = [
    path("programmes/", ProgrammesView.as_view(), name="api-programmes"),
    path("teams/", TeamsView.as_view(), name="api-teams"),
    path("use-cases/", UseCasesView.as_view(), name="api-use-cases"),
    path("use-cases/<slug:slug>/", UseCaseView.as_view(), name="api-use-case"),
    path("use-cases/<slug:slug>/milestones/", MilestonesView.as_view(), name="api-milestones"),
    path(
        "use-cases/<slug:slug>/milestones/attested/",
        AttestedMilestonesView.as_view(),
        name="api-milestones-attested",
    ),
    path(
        "use-cases/<slug:slug>/milestones/<int:milestone_id>/attested/",
        AttestedMilestoneView.as_view(),
        name="api-milestone-attested",
    ),
    path(
        "use-cases/<slug:slug>/milestones/<int:milestone_id>/attestation/",
        AttestationView.as_view(),
        name="api-milestone-attestation",
    ),
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
        "use-cases/<slug:slug>/registrations/",
        RegistrationsView.as_view(),
        name="api-registrations",
    ),
    path("use-cases/<slug:slug>/verdicts/", VerdictsView.as_view(), name="api-verdicts"),
    path("use-cases/<slug:slug>/comments/", CommentsView.as_view(), name="api-use-case-comments"),
    path("use-cases/<slug:slug>/links/", LinksView.as_view(), name="api-use-case-links"),
    path("deliveries/", OwnDeliveriesView.as_view(), name="api-deliveries"),
    path("suggestions/", SuggestionsView.as_view(), name="api-suggestions"),
    path(
        "use-cases/<slug:slug>/targets/", UseCaseTargetsView.as_view(), name="api-use-case-targets"
    ),
    path("targets/", TargetsView.as_view(), name="api-targets"),
    path("targets/<int:target_id>/", TargetView.as_view(), name="api-target"),
    path("deliveries/", OwnDeliveriesView.as_view(), name="api-deliveries"),
    path("suggestions/", SuggestionsView.as_view(), name="api-suggestions"),
    path(
        "suggestions/<int:suggestion_id>/confirm/",
        SuggestionConfirmView.as_view(),
        name="api-suggestion-confirm",
    ),
    path(
        "suggestions/<int:suggestion_id>/dismiss/",
        SuggestionDismissView.as_view(),
        name="api-suggestion-dismiss",
    ),
    path("changes/", ChangesView.as_view(), name="api-changes"),
    path("deployments/", DeploymentsView.as_view(), name="api-deployments"),
    path("incidents/", IncidentsView.as_view(), name="api-incidents"),
    path("hooks/<str:provider>/<str:connection>/", HooksView.as_view(), name="api-hooks"),
    path("dashboards/<slug:slug>/", DashboardView.as_view(), name="api-dashboard"),
    path("sandbox/metrics/", SandboxMetricsView.as_view(), name="api-sandbox-metrics"),
    path(
        "sandbox/metrics/<str:key>/values/",
        SandboxValuesView.as_view(),
        name="api-sandbox-values",
    ),
    path("services/<path:key>/dora/", ServiceDoraView.as_view(), name="api-service-dora"),
    path("snapshots/", SnapshotsView.as_view(), name="api-snapshots"),
    path("snapshots/<int:number>/", SnapshotView.as_view(), name="api-snapshot"),
    path("mcp/", McpView.as_view(), name="api-mcp"),
    path("metrics/", MetricsView.as_view(), name="api-metrics"),
    path("metrics/<str:key>/", MetricView.as_view(), name="api-metric"),
    path("metrics/<str:key>/values/", MetricValuesView.as_view(), name="api-metric-values"),
    path("explain/<int:value_id>/", ExplainValueView.as_view(), name="api-explain-value"),
]
