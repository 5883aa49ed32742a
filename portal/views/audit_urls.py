"""Addresses of the audit, below `audit/`."""

from __future__ import annotations

from django.urls import path

from portal.views import audit

urlpatterns = [
    path("", audit.AuditEventListPage.as_view(), name="audit"),
    path("events/<int:pk>/", audit.audit_event_page, name="audit-event"),
    path("seals/", audit.audit_seals_page, name="audit-seals"),
    path("export/", audit.audit_export, name="audit-export"),
]
