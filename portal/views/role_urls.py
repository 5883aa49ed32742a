"""Addresses at which roles are asked for and taken away, below `people/`."""

from __future__ import annotations

from django.urls import path

from portal.views import roles

urlpatterns = [
    path("<int:pk>/roles/ask/", roles.role_ask, name="role-ask"),
    path("<int:pk>/roles/<slug:role>/revoke/", roles.role_revoke, name="role-revoke"),
]
