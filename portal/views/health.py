"""Is it alive, is it ready? For machines, without sign-in, and without a word about the inside."""

from __future__ import annotations

import asyncio
import dataclasses
import datetime as dt
from typing import Any, ClassVar

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.db import connections
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, HttpResponse, JsonResponse
from health_check.base import HealthCheck, HealthCheckResult
from health_check.checks import Database
from health_check.exceptions import ServiceUnavailable, ServiceWarning
from health_check.views import HealthCheckView
from kombu import Connection

# The library grants a check one more second than its timeout: two in all.
BROKER_TIMEOUT = dt.timedelta(seconds=1)


@dataclasses.dataclass
class Migrations(HealthCheck):
    """Every migration of this version is applied: an older schema must take no traffic."""

    def run(self) -> None:
        connection = connections["default"]
        was_open = connection.connection is not None
        try:
            executor = MigrationExecutor(connection)
            if executor.migration_plan(executor.loader.graph.leaf_nodes()):
                raise ServiceUnavailable("migrations are missing")
        finally:
            if not was_open:
                connection.close()


@dataclasses.dataclass
class Broker(HealthCheck):
    """The broker answers. Without it only background work waits, so it is never more than a
    warning."""

    timeout = BROKER_TIMEOUT

    def run(self) -> None:
        seconds = self.timeout.total_seconds()
        options = {
            **settings.CELERY_BROKER_TRANSPORT_OPTIONS,
            "socket_timeout": seconds,
            "socket_connect_timeout": seconds,
        }
        try:
            with Connection(
                settings.CELERY_BROKER_URL, connect_timeout=seconds, transport_options=options
            ) as broker:
                broker.ensure_connection(max_retries=1, timeout=seconds, interval_start=0.1)
        except Exception as error:
            raise ServiceWarning("the broker does not answer") from error


class HealthView(HealthCheckView):
    """Answers `{"status", "checks"}` with `ok`, `degraded` or `failed`, and 503 when one failed.

    Only the names of the checks are told: errors go to the log.
    """

    checks: Any = ()
    names: ClassVar[dict[type[HealthCheck], str]] = {
        Database: "database",
        Migrations: "migrations",
        Broker: "broker",
    }

    async def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        with self.get_executor() as executor:
            results = await asyncio.gather(
                *(check.get_result(executor) for check in self.get_checks())
            )
        states = {self.names[type(result.check)]: _state(result) for result in results}
        worst = next((one for one in ("failed", "degraded") if one in states.values()), "ok")
        return JsonResponse(
            {"status": worst, "checks": states}, status=503 if worst == "failed" else 200
        )


def _state(result: HealthCheckResult) -> str:
    if result.error is None:
        return "ok"
    # A broker that hangs is cut off by the library with an error of its own.
    return "degraded" if isinstance(result.check, Broker) else "failed"


# Alive: the process answers and reaches its data. The broker is told, and never restarts anything.
alive: Any = login_not_required(HealthView.as_view(checks=[Database, Broker]))
# Ready: it may be given traffic.
ready: Any = login_not_required(HealthView.as_view(checks=[Database, Migrations, Broker]))
