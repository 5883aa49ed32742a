"""The portal's Celery application for worker processes of tests, with quicker redelivery."""

from __future__ import annotations

import os

from portal.celery import app

app.conf.worker_soft_shutdown_timeout = 2
if seconds := os.environ.get("TEST_VISIBILITY_TIMEOUT"):
    app.conf.broker_transport_options = {
        **app.conf.broker_transport_options,
        "visibility_timeout": int(seconds),
        "unacked_restore_interval": 1,
    }
    app.conf.visibility_timeout = int(seconds)
