"""The test surroundings themselves: real workers, a watchful browser, nothing but this machine."""

from __future__ import annotations

import os
import socket
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.db.utils import ConnectionHandler
from playwright.sync_api import Page

from portal.env import BASE_DIR
from portal.tasks import sweep_imports
from tests.plugins import migrating
from tests.plugins.browser import PageGuard
from tests.plugins.migrating import Copies
from tests.plugins.workers import WorkerFactory


def test_the_engine_is_the_one_asked_for(engine: str, pytestconfig: pytest.Config) -> None:
    from django.db import connection

    asked = pytestconfig.getoption("--db")
    assert engine == (asked or engine)
    assert connection.vendor == {"postgres": "postgresql"}.get(engine, engine)


def test_no_test_writes_into_the_data_of_the_clone(settings: Any) -> None:
    assert BASE_DIR not in Path(settings.VAR_DIR).parents
    if settings.DATABASES["default"]["ENGINE"].endswith("sqlite3"):
        assert BASE_DIR not in Path(settings.DATABASES["default"]["NAME"]).parents


def _connection_to(path: Path) -> Any:
    settings = {"ENGINE": "django.db.backends.sqlite3", "NAME": path, "TEST": {"NAME": str(path)}}
    return ConnectionHandler({"default": settings})["default"]


@pytest.mark.django_db
def test_one_process_migrates_and_the_others_take_what_it_has_got(tmp_path: Path) -> None:
    first, second = (_connection_to(tmp_path / name) for name in ("first.db", "second.db"))
    copies = Copies(tmp_path, first)
    assert not copies.taken
    with first.cursor() as cursor:
        cursor.execute("CREATE TABLE migrated (id)")
    copies.keep()
    assert Copies(tmp_path, second).taken
    with second.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM migrated")
        assert cursor.fetchone() == (0,)
    first.close()
    second.close()


@pytest.mark.django_db
def test_where_the_first_process_never_ends_another_migrates_by_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(migrating, "PATIENCE", 0.1)
    first, second = (
        Copies(tmp_path, _connection_to(tmp_path / name)) for name in ("first.db", "second.db")
    )
    assert (first.taken, second.taken) == (False, False)
    second.keep()  # the place of the copy is the first one's
    assert not second.made.exists()
    first.keep()
    assert first.made.exists()
    for each in (first, second):
        each.connection.close()


@pytest.mark.parametrize("host", ["example.org", "192.0.2.1"])
def test_the_outside_is_refused(host: str) -> None:
    with pytest.raises(RuntimeError, match=f"tried to reach {host}"):
        socket.create_connection((host, 80), timeout=1)


def test_this_machine_is_not_refused() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        socket.create_connection(server.getsockname(), timeout=2).close()


@pytest.mark.worker
@pytest.mark.both_engines
def test_a_worker_works_on_the_database_of_the_test_and_killed_it_is_gone_with_its_pool(
    celery_worker_process: WorkerFactory,
) -> None:
    worker = celery_worker_process()
    sweep_imports.delay()
    deadline = time.monotonic() + 20
    while "succeeded" not in worker.text() and time.monotonic() < deadline:
        time.sleep(0.1)
    assert "portal.tasks.sweep_imports" in worker.text()
    assert "succeeded" in worker.text(), worker.text()
    group = os.getpgid(worker.pid)
    worker.kill()
    deadline = time.monotonic() + 5
    while _group_lives(group) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not _group_lives(group)


def _group_lives(group: int) -> bool:
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[2]) == group and fields[0] != "Z":
            return True
    return False


@pytest.mark.parametrize(
    ("script", "complaint"),
    [
        ("console.error('broken')", "console error: broken"),
        ("setTimeout(() => { throw new Error('lost') })", "page error: lost"),
        ("fetch('http://example.org/').catch(() => 0)", "request to another host"),
    ],
)
def test_the_page_guard_hears_every_complaint(
    page: Page, page_guard: PageGuard, script: str, complaint: str
) -> None:
    page.evaluate(script)
    page.wait_for_timeout(300)
    assert any(complaint in problem for problem in page_guard.problems())
    page_guard.allow(".")


def test_the_page_guard_hears_a_violation_of_the_policy(page: Page, page_guard: PageGuard) -> None:
    page.set_content(
        "<meta http-equiv='Content-Security-Policy' content=\"script-src 'none'\">"
        "<script>document.title = 'ran'</script>"
    )
    page.wait_for_timeout(300)
    assert any("Content Security Policy" in problem for problem in page_guard.problems())
    page_guard.allow("Content Security Policy")


@pytest.mark.django_db(transaction=True)
def test_a_live_server_answers_and_a_person_is_signed_in(
    page: Page, live_server: Any, sign_in: Callable[[Any], None], django_user_model: Any
) -> None:
    with urllib.request.urlopen(f"{live_server.url}/healthz", timeout=10) as reply:  # noqa: S310  (our own server)
        assert reply.status == 200
    page.goto(live_server.url)
    assert page.url.startswith(f"{live_server.url}/sign-in/")
    sign_in(django_user_model.objects.create_user("ada", password="correct horse battery"))
    page.goto(live_server.url)
    assert page.url == f"{live_server.url}/"
