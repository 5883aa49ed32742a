"""Everything below /api/."""

from __future__ import annotations

from django.urls import include, path, re_path

from portal.api.docs import docs_view, schema_view
from portal.api.routers import api_patterns
from portal.api.views import UnknownAddressView

v1 = [
    path("schema/", schema_view, name="api-schema"),
    path("docs/", docs_view, name="api-docs"),
    *api_patterns(),
]

urlpatterns = [
    path("v1/", include(v1)),
    re_path("", UnknownAddressView.as_view()),
]
