"""The portal's Celery application for worker processes of tests, with quicker redelivery."""

from __future__ import annotations

import os
from datetime import timedelta
from typing import Any

import django
from celery.signals import worker_ready
from django.conf import settings

from portal import celery
from portal.celery import app
from tests.plugins import work_kinds

__all__ = ["app", "work_kinds"]

# Hardly: other tests keep the processors busy, and those of workers would wait for them.
celery.NICENESS = int(os.environ.get("TEST_NICENESS", "1"))
app.conf.worker_soft_shutdown_timeout = 2
if seconds := os.environ.get("TEST_VISIBILITY_TIMEOUT"):
    app.conf.broker_transport_options = {
        **app.conf.broker_transport_options,
        "visibility_timeout": int(seconds),
        "unacked_restore_interval": 1,
    }
    app.conf.visibility_timeout = int(seconds)
if seconds := os.environ.get("TEST_WORK_STALE"):
    settings.WORK_STALE_SECONDS = float(seconds)
    settings.WORK_HEARTBEAT_SECONDS = float(seconds) / 5
if seconds := os.environ.get("TEST_IMPORT_STALE"):
    django.setup()  # these two have models
    from portal.imports import ledger
    from portal.services import imports

    for module in (ledger, imports):
        vars(module)["STALE_AFTER"] = timedelta(seconds=float(seconds))
if seconds := os.environ.get("TEST_SOFT_TIME_LIMIT"):
    settings.CELERY_TASK_SOFT_TIME_LIMIT = int(seconds)
    app.conf.task_soft_time_limit = int(seconds)
if seconds := os.environ.get("TEST_WORK_DEAF"):
    settings.WORK_DEAF_SECONDS = float(seconds)
if os.environ.get("TEST_DEAF"):

    @worker_ready.connect
    def go_deaf(sender: Any = None, **_: object) -> None:
        """Alive, connected, and never handed a message again."""
        sender.task_consumer.cancel()


if count := os.environ.get("TEST_PREFETCH"):
    app.conf.worker_prefetch_multiplier = int(count)
