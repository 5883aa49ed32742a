"""The real application for gunicorn, with one more address: the plain page to compare with."""

from __future__ import annotations

from django.urls import path

from portal.wsgi import application
from tests.benchmarks.pages.plain import PLAIN, plain

# After the application: addresses need its apps. Before the first request: they are read once.
from portal import urls  # isort: skip

__all__ = ["application"]

urls.urlpatterns.insert(0, path(PLAIN.lstrip("/"), plain))
