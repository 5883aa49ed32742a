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
    hard, soft = settings.CELERY_TASK_TIME_LIMIT, settings.CELERY_TASK_SOFT_TIME_LIMIT
    waiting = 1 + settings.CELERY_WORKER_PREFETCH_MULTIPLIER
    visibility = settings.CELERY_VISIBILITY_TIMEOUT
    problems: list[CheckMessage] = []
    if hard * waiting >= visibility:
        problems.append(
            Error(
                f"CELERY_VISIBILITY_TIMEOUT ({visibility} s) must exceed the hard time limit "
                f"times {waiting} ({hard * waiting} s), or long tasks run twice",
                id="portal.E001",
            )
        )
    if soft >= hard:
        problems.append(
            Error("CELERY_TASK_SOFT_TIME_LIMIT must be below the hard limit", id="portal.E002")
        )
    return problems


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
