"""Asking the broker how long its queues are: for people who look, never for a decision."""

from __future__ import annotations

import structlog
from celery import current_app
from kombu.exceptions import KombuError, OperationalError
from redis.exceptions import RedisError

from portal.work.registry import QUEUES

log = structlog.get_logger(__name__)
SECONDS = 0.6  # for each of two tries: a page must not wait for a broker that hangs


def queue_lengths() -> dict[str, int] | None:
    """Messages that no worker has taken yet, by queue; None when the broker does not answer."""
    options = {
        **current_app.conf.broker_transport_options,
        "socket_timeout": SECONDS,
        "socket_connect_timeout": SECONDS,
        "max_retries": 1,
        "interval_start": 0,
        "interval_step": 0,
    }
    try:
        with current_app.connection_for_read(transport_options=options) as connection:
            client = connection.default_channel.client
            return {queue: int(client.llen(queue)) for queue in QUEUES}
    except (OperationalError, KombuError, RedisError, OSError) as error:
        log.warning("broker_unreachable", detail=str(error))
        return None
