"""Addresses of the adoption room."""

from __future__ import annotations

from django.urls import path

from adoption.views import (
    attestations,
    deliveries,
    delivery_reviews,
    deployments,
    hooks,
    log_delivery,
    metrics,
    milestones,
    portfolio,
    programmes,
    targets,
    teams,
    use_cases,
)

urlpatterns = [
    path("hooks/", hooks.HookListPage.as_view(), name="hook-list"),
    path("hooks/<int:pk>/", hooks.hook_page, name="hook"),
    path("hooks/<int:pk>/replay/", hooks.HookReplayPage.as_view(), name="hook-replay"),
    path("hooks/from/<slug:slug>/", hooks.hook_connection_page, name="hook-connection"),
    path(
        "hooks/from/<slug:slug>/secrets/new/",
        hooks.HookSecretNewPage.as_view(),
        name="hook-secret-new",
    ),
    path(
        "hooks/from/<slug:slug>/secrets/<int:pk>/withdraw/",
        hooks.HookSecretWithdrawPage.as_view(),
        name="hook-secret-withdraw",
    ),
    path("services/", deployments.ServiceListPage.as_view(), name="service-list"),
    path("services/<int:pk>/", deployments.ServicePage.as_view(), name="service"),
    path("portfolio/", portfolio.PortfolioPage.as_view(), name="portfolio"),
    path("use-cases/new/", use_cases.UseCaseNewPage.as_view(), name="use-case-new"),
    path("use-cases/similar/", use_cases.similar_titles, name="use-case-similar"),
    path("use-cases/<slug:slug>/", use_cases.use_case_page, name="use-case"),
    path("use-cases/<slug:slug>/edit/", use_cases.UseCaseEditPage.as_view(), name="use-case-edit"),
    path("use-cases/<slug:slug>/stage/", use_cases.StagePage.as_view(), name="use-case-stage"),
    path(
        "use-cases/<slug:slug>/repositories/new/",
        use_cases.RepositoryLinkPage.as_view(),
        name="repository-link-new",
    ),
    path(
        "use-cases/<slug:slug>/repositories/<int:pk>/end/",
        use_cases.RepositoryLinkEndPage.as_view(),
        name="repository-link-end",
    ),
    path(
        "use-cases/<slug:slug>/milestones/new/",
        milestones.MilestoneNewPage.as_view(),
        name="milestone-new",
    ),
    path(
        "use-cases/<slug:slug>/milestones/attested/new/",
        attestations.AttestedMilestoneNewPage.as_view(),
        name="milestone-attested-new",
    ),
    path(
        "use-cases/<slug:slug>/milestones/<int:pk>/attested/edit/",
        attestations.AttestedMilestoneEditPage.as_view(),
        name="milestone-attested-edit",
    ),
    path(
        "use-cases/<slug:slug>/milestones/<int:pk>/attest/",
        attestations.AttestPage.as_view(),
        name="milestone-attest",
    ),
    path(
        "use-cases/<slug:slug>/milestones/<int:pk>/edit/",
        milestones.MilestoneEditPage.as_view(),
        name="milestone-edit",
    ),
    path(
        "use-cases/<slug:slug>/milestones/<int:pk>/remove/",
        milestones.MilestoneRemovePage.as_view(),
        name="milestone-remove",
    ),
    path(
        "use-cases/<slug:slug>/deliveries/",
        deliveries.UseCaseDeliveriesPage.as_view(),
        name="use-case-deliveries",
    ),
    path(
        "use-cases/<slug:slug>/changes/",
        deliveries.UseCaseChangesPage.as_view(),
        name="use-case-changes",
    ),
    path("deliveries/", deliveries.MyDeliveriesPage.as_view(), name="my-deliveries"),
    path("deliveries/log/", log_delivery.LogDeliveryPage.as_view(), name="log-delivery"),
    path("deliveries/log/link/", log_delivery.link_fragment, name="log-delivery-link"),
    path("deliveries/log/changes/", log_delivery.changes_fragment, name="log-delivery-changes"),
    path("deliveries/review/", delivery_reviews.ReviewListPage.as_view(), name="delivery-reviews"),
    path("deliveries/<int:pk>/", deliveries.delivery_page, name="delivery"),
    path(
        "deliveries/<int:pk>/withdraw/", deliveries.WithdrawPage.as_view(), name="delivery-withdraw"
    ),
    path(
        "deliveries/<int:pk>/review/", delivery_reviews.ReviewPage.as_view(), name="delivery-review"
    ),
    path("targets/", targets.TargetListPage.as_view(), name="target-list"),
    path("targets/new/", targets.TargetNewPage.as_view(), name="target-new"),
    path("targets/<int:pk>/", targets.target_page, name="target"),
    path("targets/<int:pk>/edit/", targets.TargetEditPage.as_view(), name="target-edit"),
    path(
        "targets/<int:pk>/withdraw/", targets.TargetWithdrawPage.as_view(), name="target-withdraw"
    ),
    path("programmes/", programmes.ProgrammeListPage.as_view(), name="programme-list"),
    path("programmes/new/", programmes.ProgrammeNewPage.as_view(), name="programme-new"),
    path("programmes/<slug:slug>/", programmes.programme_page, name="programme"),
    path(
        "programmes/<slug:slug>/edit/",
        programmes.ProgrammeEditPage.as_view(),
        name="programme-edit",
    ),
    path("teams/", teams.TeamListPage.as_view(), name="team-list"),
    path("teams/new/", teams.TeamNewPage.as_view(), name="team-new"),
    path("teams/<slug:slug>/", teams.team_page, name="team"),
    path("teams/<slug:slug>/edit/", teams.TeamEditPage.as_view(), name="team-edit"),
    path(
        "teams/<slug:slug>/members/new/",
        teams.MembershipNewPage.as_view(),
        name="membership-new",
    ),
    path(
        "teams/<slug:slug>/members/<int:pk>/end/",
        teams.MembershipEndPage.as_view(),
        name="membership-end",
    ),
    path("metrics/", metrics.MetricListPage.as_view(), name="metric-list"),
    path("metrics/<str:key>/", metrics.metric_page, name="metric"),
    path("metrics/<str:key>/<slug:slug>/", metrics.metric_of_use_case, name="metric-of-use-case"),
]
