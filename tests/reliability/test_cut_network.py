"""The network between the portal and PostgreSQL is cut without a word, and joined again."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
from django.db import OperationalError, connection
from django.db.backends.postgresql.base import DatabaseWrapper
from django.utils import timezone

from portal.choices import RunStatus
from portal.dead_peers import OF_THE_SERVER
from portal.imports.lock import LOCK_CLASS
from portal.imports.runner import execute_run
from portal.models import ImportRun
from portal.services.imports import runs_to_send_again
from tests.billing.services.charges import assert_books_balance, billed, live
from tests.imports import Clock, make_connection, run_import
from tests.reliability.conftest import Importer
from tests.reliability.relay import CannotCutError, Relay, relay_to
from tests.reliability.test_database_away import LATER, ROWS, content

pytestmark = [pytest.mark.both_engines, pytest.mark.django_db(transaction=True)]
# The catalogue says five seconds; on a busy machine a process wakes later than the kernel tells it.
SOON = 10
NOTICED_WITHIN = 30  # eleven, and a busy machine


@pytest.fixture
def relay(engine: str) -> Iterator[Relay]:
    if engine != "postgres":
        pytest.skip("SQLite is a file: there is no network to cut")
    settings = connection.settings_dict
    folder = settings["HOST"] or settings["OPTIONS"]["host"]
    if not str(folder).startswith("/"):
        pytest.skip("the relay goes to a PostgreSQL of this machine, by its socket")
    with relay_to(f"{folder}/.s.PGSQL.{settings['PORT'] or 5432}") as found:
        try:
            found.cut()
        except CannotCutError as error:
            pytest.skip(f"this kernel drops nothing for a socket: {error}")
        found.heal()
        yield found


def distant(relay: Relay) -> DatabaseWrapper:
    """The portal's database by way of the relay, with all options of the settings."""
    settings = connection.settings_dict
    options = {name: value for name, value in settings["OPTIONS"].items() if name != "host"}
    return DatabaseWrapper(
        {**settings, "HOST": "127.0.0.1", "PORT": str(relay.port), "OPTIONS": options}, "distant"
    )


def ask(database: DatabaseWrapper) -> int:
    with database.cursor() as cursor:
        cursor.execute("SELECT 1")
        found: int = cursor.fetchone()[0]
        return found


def wait_until_it_dawdles() -> None:
    """Wait until the import has planned: it holds its lock and says nothing."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT count(*) FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid "
                "WHERE l.locktype = 'advisory' AND l.classid = %s "
                "AND a.datname = current_database() AND a.state = 'idle in transaction' "
                "AND a.state_change < clock_timestamp() - interval '100 milliseconds'",
                [LOCK_CLASS],
            )
            if cursor.fetchone()[0]:
                return
        time.sleep(0.02)
    pytest.fail("the import does not begin to apply")


def take_up_again(run: ImportRun) -> None:
    """As the sweeper does, until the server has given up the session that held the lock."""
    later = timezone.now() + LATER
    deadline = time.monotonic() + NOTICED_WITHIN
    assert runs_to_send_again(at=later) == [run.pk]
    while execute_run(run.pk, clock=Clock(later)).status != RunStatus.APPLIED:
        assert time.monotonic() < deadline, "a session of nobody keeps its lock"
        time.sleep(0.5)


def test_each_session_asks_the_server_to_notice_silence(relay: Relay) -> None:
    database = distant(relay)
    with database.cursor() as cursor:
        cursor.execute(
            "SELECT name FROM pg_settings WHERE source = 'session' AND name = ANY(%s)",
            [list(OF_THE_SERVER)],
        )
        assert {name for (name,) in cursor.fetchall()} == set(OF_THE_SERVER)
    database.close()


def test_row_20_whoever_waits_is_told_soon_and_served_again_after(relay: Relay) -> None:
    database = distant(relay)
    assert ask(database) == 1
    relay.cut()
    for case in ("an open connection", "a new one"):
        began = time.monotonic()
        with pytest.raises(OperationalError):
            ask(database)
        assert time.monotonic() - began < SOON, case
        database.close()
    relay.heal()
    assert ask(database) == 1
    database.close()


def test_row_20_an_import_that_is_cut_off_is_as_if_it_had_not_been(
    relay: Relay, tmp_path: Path
) -> None:
    run_import(make_connection(), content(1))
    path = tmp_path / "may.csv"
    path.write_bytes(content(2))
    settings = connection.settings_dict
    user, password = (quote(str(settings[key]), safe="") for key in ("USER", "PASSWORD"))
    name = quote(str(settings["NAME"]))
    importer = Importer(
        tmp_path, DATABASE_URL=f"postgresql://{user}:{password}@127.0.0.1:{relay.port}/{name}"
    )
    try:
        importing = importer.start(path, dawdle=2)
        wait_until_it_dawdles()
        relay.cut()
        began = time.monotonic()
        result = importing.result()
        assert time.monotonic() - began < 2 * SOON  # it says goodbye, which is not heard either
    finally:
        importer.stop()
    assert result["code"] != 0, "the import came to its end all the same"
    assert billed() == ROWS
    run = ImportRun.objects.latest("pk")
    assert run.status == RunStatus.RUNNING
    # The network is still cut: only the server can find out that nobody is there any more.
    take_up_again(run)
    relay.heal()
    assert billed() == 2 * ROWS
    assert live().total() == ROWS
    assert_books_balance()
