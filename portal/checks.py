"""System checks: what was registered, and settings that must agree with each other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.apps.config import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, register

from portal.registry import Registry


def check_registry(registry: Registry[Any]) -> None:
    """Have the items of `registry` checked whenever Django checks the system."""

    def run(app_configs: Sequence[AppConfig] | None, **_: Any) -> list[CheckMessage]:
        return registry.problems()

    register(run, Tags.compatibility)


@register(Tags.compatibility)
def check_task_times(app_configs: Sequence[AppConfig] | None, **_: Any) -> list[CheckMessage]:
    """A task must end before the broker thinks that its worker died and hands it out again."""
    waiting = 1 + settings.CELERY_WORKER_PREFETCH_MULTIPLIER
    visibility = settings.CELERY_VISIBILITY_TIMEOUT
    problems: list[CheckMessage] = []
    for name, hard, soft in _time_limits():
        if hard * waiting >= visibility:
            problems.append(
                Error(
                    f"CELERY_VISIBILITY_TIMEOUT ({visibility} s) must exceed the hard time limit "
                    f"of {name} times {waiting} ({hard * waiting} s), or it runs twice",
                    id="portal.E001",
                )
            )
        if soft >= hard:
            problems.append(
                Error(
                    f"the soft time limit of {name} ({soft} s) must be below the hard one "
                    f"({hard} s)",
                    id="portal.E002",
                )
            )
    transport = settings.CELERY_BROKER_TRANSPORT_OPTIONS.get("visibility_timeout")
    if transport != visibility:
        problems.append(
            Error(
                f"the broker's visibility_timeout ({transport} s) must be "
                f"CELERY_VISIBILITY_TIMEOUT ({visibility} s)",
                id="portal.E004",
            )
        )
    return problems


def _time_limits() -> list[tuple[str, float, float]]:
    """Name, hard and soft limit in seconds: of all tasks, and of each that has its own."""
    from portal.celery import app

    hard, soft = settings.CELERY_TASK_TIME_LIMIT, settings.CELERY_TASK_SOFT_TIME_LIMIT
    app.autodiscover_tasks(force=True)
    own = [
        (name, task.time_limit or hard, task.soft_time_limit or soft)
        for name, task in sorted(app.tasks.items())
        if task.time_limit or task.soft_time_limit
    ]
    return [("all tasks", hard, soft), *own]


@register(Tags.database)
def check_sqlite_mode(app_configs: Sequence[AppConfig] | None, **_: Any) -> list[CheckMessage]:
    """Deferred SQLite transactions fail under concurrency, and every lock rests on IMMEDIATE."""
    config = settings.DATABASES["default"]
    if (
        config["ENGINE"] == "django.db.backends.sqlite3"
        and config.get("OPTIONS", {}).get("transaction_mode") != "IMMEDIATE"
    ):
        return [Error("SQLite needs OPTIONS['transaction_mode'] = 'IMMEDIATE'", id="portal.E003")]
    return []
