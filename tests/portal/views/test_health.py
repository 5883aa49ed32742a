"""Health answers machines without sign-in, and tells nothing but the names of what it checked."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder
from django.test import Client

from portal.views import health

# Health checks start a loop; one that a browser test left in this thread would refuse it.
pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("without_the_browsers_loop")]


@pytest.fixture
def no_broker(settings: Any) -> None:
    settings.CELERY_BROKER_URL = "redis+socket:///nonexistent/valkey.sock"


@pytest.fixture
def deaf_broker(settings: Any) -> Iterator[None]:
    """Takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        settings.CELERY_BROKER_URL = f"redis://:a-password@127.0.0.1:{server.getsockname()[1]}/0"
        yield


def get(path: str) -> Any:
    return Client().get(path)


def test_everything_well() -> None:
    response = get("/readyz")
    assert response.status_code == 200
    assert response.json() == {
        "status": "ok",
        "checks": {"database": "ok", "migrations": "ok", "broker": "ok"},
    }
    assert "no-cache" in response["Cache-Control"]
    assert get("/healthz").json() == {
        "status": "ok",
        "checks": {"database": "ok", "broker": "ok"},
    }


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_a_dead_broker_degrades_and_takes_nothing_away(path: str, no_broker: None) -> None:
    response = get(path)
    assert response.status_code == 200
    assert response.json()["status"] == "degraded"
    assert response.json()["checks"]["broker"] == "degraded"


def test_a_deaf_broker_is_given_up_within_two_seconds_and_its_password_stays_inside(
    deaf_broker: None,
) -> None:
    started = time.monotonic()
    response = get("/healthz")
    assert time.monotonic() - started < 2.5
    assert response.json()["checks"]["broker"] == "degraded"
    assert "password" not in response.content.decode()


def test_a_missing_migration_is_not_ready_but_alive(monkeypatch: pytest.MonkeyPatch) -> None:
    applied = MigrationRecorder.applied_migrations

    def without_one(self: MigrationRecorder) -> dict[tuple[str, str], Any]:
        found = applied(self)
        newest = max(key for key in found if key[0] == "portal")
        found.pop(newest)
        return found

    monkeypatch.setattr(MigrationRecorder, "applied_migrations", without_one)
    response = get("/readyz")
    assert response.status_code == 503
    assert response.json()["checks"]["migrations"] == "failed"
    assert get("/healthz").status_code == 200


def test_a_lost_database_fails_without_details(monkeypatch: pytest.MonkeyPatch) -> None:
    def lost(self: Any) -> None:
        raise OSError("host db.internal refused user plumbline")

    monkeypatch.setattr(health.Database, "run", lost)
    response = get("/healthz")
    assert response.status_code == 503
    assert response.json() == {
        "status": "failed",
        "checks": {"database": "failed", "broker": "ok"},
    }


@pytest.mark.parametrize("query", ["format=text", "format=openmetrics", "format=json"])
def test_no_other_format_tells_more(query: str) -> None:
    response = get(f"/healthz?{query}")
    assert set(response.json()) == {"status", "checks"}


@pytest.mark.parametrize("method", ["post", "put", "delete"])
def test_only_reading_is_possible(method: str) -> None:
    assert getattr(Client(), method)("/healthz").status_code == 405


def test_the_connection_of_the_request_is_left_as_it_was() -> None:
    get("/readyz")
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
        assert cursor.fetchone() == (1,)
