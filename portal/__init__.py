"""The frame: settings, sign-in, imports engine, site shell, API frame."""

from portal.celery import app as celery_app

__all__ = ["celery_app"]
