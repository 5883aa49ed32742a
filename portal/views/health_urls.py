"""Addresses for machines that watch over this one."""

from __future__ import annotations

from django.urls import path

from portal.views.health import alive, ready

urlpatterns = [
    path("healthz", alive, name="healthz"),
    path("readyz", ready, name="readyz"),
]
