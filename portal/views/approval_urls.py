"""Addresses of approvals, below `approvals/`."""

from __future__ import annotations

from django.urls import path

from portal.views import approval_rules, approvals, break_glass

urlpatterns = [
    path("", approvals.ApprovalListPage.as_view(), name="approval-list"),
    path("<int:pk>/", approvals.approval_page, name="approval"),
    path("<int:pk>/decide/", approvals.approval_decide, name="approval-decide"),
    path("<int:pk>/withdraw/", approvals.approval_withdraw, name="approval-withdraw"),
    path("rules/", approval_rules.approval_rules_page, name="approval-rules"),
    path("rules/<str:kind>/ask/", approval_rules.approval_rules_ask, name="approval-rules-ask"),
    path("break-glass/", break_glass.BreakGlassListPage.as_view(), name="break-glass-list"),
    path("break-glass/open/", break_glass.break_glass_open, name="break-glass-open"),
    path("break-glass/<int:pk>/", break_glass.break_glass_page, name="break-glass"),
    path("break-glass/<int:pk>/close/", break_glass.break_glass_close, name="break-glass-close"),
    path("break-glass/<int:pk>/review/", break_glass.break_glass_review, name="break-glass-review"),
]
