"""Addresses of the adoption room."""

from __future__ import annotations

from django.urls import path

from adoption.views import (
    dashboard_forms,
    dashboards,
    deliveries,
    delivery_reviews,
    deployments,
    dora,
    findings,
    hooks,
    impact,
    impact_forms,
    impact_verdicts,
    log_delivery,
    metric_standings,
    metric_values,
    metrics,
    milestones,
    portfolio,
    programmes,
    records,
    registration,
    snapshots,
    teams,
    use_case_notes,
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
    path("services/<int:pk>/dora/", dora.dora_page, name="service-dora"),
    path("findings/", findings.FindingListPage.as_view(), name="finding-list"),
    path(
        "findings/<int:pk>/",
        findings.FindingAcknowledgePage.as_view(),
        name="finding-acknowledge",
    ),
    path("portfolio/", portfolio.PortfolioPage.as_view(), name="portfolio"),
    path("use-cases/new/", registration.UseCaseNewPage.as_view(), name="use-case-new"),
    path("use-cases/similar/", use_cases.similar_titles, name="use-case-similar"),
    path("use-cases/export/", records.export_inventory, name="use-case-export"),
    path("use-cases/<slug:slug>/", use_cases.use_case_page, name="use-case"),
    path(
        "use-cases/<slug:slug>/register/problem/",
        registration.ProblemPage.as_view(),
        name="registration-problem",
    ),
    path(
        "use-cases/<slug:slug>/register/benefit/",
        registration.BenefitPage.as_view(),
        name="registration-benefit",
    ),
    path(
        "use-cases/<slug:slug>/register/risk/",
        registration.RiskPage.as_view(),
        name="registration-risk",
    ),
    path("use-cases/<slug:slug>/record/", records.record_page, name="use-case-record"),
    path(
        "use-cases/<slug:slug>/record/edit/",
        records.RecordEditPage.as_view(),
        name="use-case-record-edit",
    ),
    path(
        "use-cases/<slug:slug>/comments/new/",
        use_case_notes.CommentNewPage.as_view(),
        name="use-case-comment-new",
    ),
    path(
        "use-cases/<slug:slug>/decisions/new/",
        use_case_notes.DecisionNewPage.as_view(),
        name="use-case-decision-new",
    ),
    path(
        "use-cases/<slug:slug>/comments/<int:pk>/withdraw/",
        use_case_notes.CommentWithdrawPage.as_view(),
        name="use-case-comment-withdraw",
    ),
    path(
        "use-cases/<slug:slug>/links/new/",
        use_case_notes.LinkNewPage.as_view(),
        name="use-case-link-new",
    ),
    path(
        "use-cases/<slug:slug>/links/<int:pk>/remove/",
        use_case_notes.LinkRemovePage.as_view(),
        name="use-case-link-remove",
    ),
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
    path("verdicts/", impact_verdicts.VerdictListPage.as_view(), name="verdict-list"),
    path("verdicts/calibration/", impact_verdicts.calibration_page, name="calibration"),
    path(
        "use-cases/<slug:slug>/registrations/new/",
        impact.RegistrationNewPage.as_view(),
        name="registration-new",
    ),
    path(
        "use-cases/<slug:slug>/registrations/<int:pk>/",
        impact.registration_page,
        name="registration",
    ),
    path(
        "use-cases/<slug:slug>/registrations/<int:pk>/facts/",
        impact.registration_facts,
        name="registration-facts",
    ),
    *(
        path(
            f"use-cases/<slug:slug>/registrations/<int:pk>/{name}/",
            page.as_view(),
            name=f"registration-{name}",
        )
        for name, page in (
            ("withdraw", impact_forms.RegistrationWithdrawPage),
            ("ask", impact_forms.RegistrationAskPage),
            ("amend", impact_forms.RegistrationAmendPage),
            ("losses", impact_forms.RegistrationLossesPage),
            ("decide", impact_forms.RegistrationDecidePage),
        )
    ),
    path(
        "use-cases/<slug:slug>/unit-values/new/",
        impact_forms.UnitValueNewPage.as_view(),
        name="unit-value-new",
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
    path("dashboards/", dashboards.DashboardListPage.as_view(), name="dashboard-list"),
    path("dashboards/new/", dashboard_forms.DashboardNewPage.as_view(), name="dashboard-new"),
    path("dashboards/<slug:slug>/", dashboards.dashboard_page, name="dashboard"),
    path(
        "dashboards/<slug:slug>/edit/",
        dashboard_forms.DashboardEditPage.as_view(),
        name="dashboard-edit",
    ),
    path(
        "dashboards/<slug:slug>/build/",
        dashboard_forms.DashboardBuildPage.as_view(),
        name="dashboard-build",
    ),
    path(
        "dashboards/<slug:slug>/submit/",
        dashboard_forms.DashboardSubmitPage.as_view(),
        name="dashboard-submit",
    ),
    path(
        "dashboards/<slug:slug>/deprecate/",
        dashboard_forms.DashboardDeprecatePage.as_view(),
        name="dashboard-deprecate",
    ),
    path(
        "dashboards/<slug:slug>/versions/<int:number>/",
        dashboards.dashboard_version_page,
        name="dashboard-version",
    ),
    path(
        "dashboards/<slug:slug>/tiles/<int:place>/",
        dashboards.dashboard_tile_page,
        name="dashboard-tile",
    ),
    path("dashboards/<slug:slug>/print/", dashboards.dashboard_print, name="dashboard-print"),
    path("dashboards/<slug:slug>/embed/", dashboards.dashboard_embed, name="dashboard-embed"),
    path("dashboards/<slug:slug>/export/", dashboards.dashboard_export, name="dashboard-export"),
    path("snapshots/", snapshots.SnapshotListPage.as_view(), name="snapshot-list"),
    path("snapshots/heads/", snapshots.snapshot_heads, name="snapshot-heads"),
    path("snapshots/verifier/", snapshots.snapshot_verifier, name="snapshot-verifier"),
    path("snapshots/<int:number>/", snapshots.snapshot_page, name="snapshot"),
    path("snapshots/<int:number>/file/", snapshots.snapshot_file, name="snapshot-file"),
    path("metrics/", metrics.MetricListPage.as_view(), name="metric-list"),
    path("metrics/<str:key>/", metrics.metric_page, name="metric"),
    path("metric-values/<str:key>/", metric_values.metric_values_page, name="metric-values"),
    path("metric-value/<int:pk>/", metric_values.metric_value_page, name="metric-value"),
    path(
        "metric-standings/new/<str:key>/",
        metric_standings.StandingNewPage.as_view(),
        name="metric-standing-new",
    ),
    path("metric-standings/<int:pk>/", metric_standings.standing_page, name="metric-standing"),
    path(
        "metric-standings/<int:pk>/propose/",
        metric_standings.StandingProposePage.as_view(),
        name="metric-standing-propose",
    ),
    path(
        "metric-standings/<int:pk>/suspend/",
        metric_standings.StandingSuspendPage.as_view(),
        name="metric-standing-suspend",
    ),
    path(
        "metric-standings/<int:pk>/deprecate/",
        metric_standings.StandingDeprecatePage.as_view(),
        name="metric-standing-deprecate",
    ),
    path(
        "metric-standings/<int:pk>/retire/",
        metric_standings.StandingRetirePage.as_view(),
        name="metric-standing-retire",
    ),
    path("metrics/<str:key>/<slug:slug>/", metrics.metric_of_use_case, name="metric-of-use-case"),
]
