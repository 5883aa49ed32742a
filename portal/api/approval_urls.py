"""Addresses of approvals below /api/v1/approvals/."""

from __future__ import annotations

from django.urls import path

from portal.api.approvals import (
    ApprovalsView,
    ApprovalView,
    ApproveView,
    RejectView,
    WithdrawView,
)

urlpatterns = [
    path("", ApprovalsView.as_view(), name="api-approvals"),
    path("<int:pk>/", ApprovalView.as_view(), name="api-approval"),
    path("<int:pk>/approve/", ApproveView.as_view(), name="api-approval-approve"),
    path("<int:pk>/reject/", RejectView.as_view(), name="api-approval-reject"),
    path("<int:pk>/withdraw/", WithdrawView.as_view(), name="api-approval-withdraw"),
]
