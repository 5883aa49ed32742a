"""Addresses of the import pages, below `imports/`."""

from __future__ import annotations

from django.urls import path

from portal.views import connections, fetches, import_runs, rejected_rows, uploads

urlpatterns = [
    path("", connections.ConnectionListPage.as_view(), name="connection-list"),
    path("connections/new/", connections.connection_new, name="connection-new"),
    path("connections/<slug:slug>/", connections.connection_page, name="connection"),
    path("connections/<slug:slug>/edit/", connections.connection_edit, name="connection-edit"),
    path("connections/<slug:slug>/upload/", uploads.upload_page, name="connection-upload"),
    path("connections/<slug:slug>/probe/", fetches.connection_probe, name="connection-probe"),
    path("connections/<slug:slug>/fetch/", fetches.connection_fetch, name="connection-fetch"),
    path("runs/", import_runs.ImportRunListPage.as_view(), name="import-run-list"),
    path("runs/<int:pk>/", import_runs.import_run_page, name="import-run"),
    path("runs/<int:pk>/replay/", import_runs.import_run_replay, name="import-run-replay"),
    path("runs/<int:pk>/release/", import_runs.import_run_release, name="import-run-release"),
    path("runs/<int:pk>/discard/", import_runs.import_run_discard, name="import-run-discard"),
    path("quarantine/", rejected_rows.RejectedRowListPage.as_view(), name="rejected-row-list"),
    path("quarantine/<int:pk>/", rejected_rows.rejected_row_page, name="rejected-row"),
]
