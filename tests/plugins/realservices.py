"""Starts real services before Django's settings are read, and guards the tests' surroundings.

Loaded by `-p` in `pyproject.toml`: pytest-django reads the settings while the first conftest is
loaded, so a conftest would be too late. Services start in the controlling process only; each xdist
worker is given its own data directory, its own SQLite file and its own database in the broker.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from portal.env import BASE_DIR
from tests.plugins.chromium import chromium_path, is_required, missing_part
from tests.plugins.services import OWN_SERVER, Broker, Postgres, RunFolder

ENGINES = ("sqlite", "postgres")
LOOPBACK = ("127.", "::1", "localhost", "0.0.0.0")  # noqa: S104 - recognised, never bound
_RATES = (
    *("PLUMBLINE_API_RATE", "PLUMBLINE_API_REFUSED_RATE"),
    *("PLUMBLINE_UPLOAD_RATE", "PLUMBLINE_EXPORT_RATE"),
)
_SERVICES = pytest.StashKey["Services"]()


def is_worker() -> bool:
    return "PYTEST_XDIST_WORKER" in os.environ


class Services:
    """What one test run started, and the variables that lead to it."""

    def __init__(self, engine: str) -> None:
        self.run = RunFolder()
        self.engine = engine
        self.broker: Broker | None = None
        self.postgres: Postgres | None = None

    def start(self) -> None:
        """Start what was not given from outside."""
        if not os.environ.get("CELERY_BROKER_URL"):
            self.broker = Broker(self.run)
        if self.engine == "postgres" and not os.environ.get("DATABASE_URL"):
            self.postgres = Postgres(self.run)

    def variables(self, worker: str, number: int) -> dict[str, str]:
        """The environment of one test process; what was given from outside stays as it is."""
        found = {
            "PLUMBLINE_VAR": str(self.run.data_directory(worker)),
            "PLUMBLINE_ENV": "local",
            "PLUMBLINE_LOG_LEVEL": "WARNING",
            # Tests are faster than any caller; those of the limits set their own.
            **dict.fromkeys(_RATES, "900000000/day"),
        }
        if self.broker is not None:
            found["CELERY_BROKER_URL"] = self.broker.url_for(number)
        if self.postgres is not None:
            found["DATABASE_URL"] = self.postgres.url
            found[OWN_SERVER] = "1"
        return found

    def stop(self) -> None:
        if self.postgres is not None:
            self.postgres.stop()
        if self.broker is not None:
            self.broker.stop()
        self.run.remove()


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("plumbline")
    group.addoption("--db", choices=ENGINES, help="database engine (default: sqlite)")
    group.addoption("--counts-file", help="write how many tests passed, failed, … as JSON")


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> None:
    """Start the services; pytest-django reads the settings right after."""
    if is_worker():
        return
    options = early_config.known_args_namespace
    if options.help or options.version:
        return
    given = os.environ.get("DATABASE_URL", "")
    engine = options.db or ("postgres" if given.startswith("postgres") else "sqlite")
    if engine == "sqlite":
        os.environ.pop("DATABASE_URL", None)
    services = Services(engine)
    early_config.stash[_SERVICES] = services
    early_config.add_cleanup(services.stop)
    services.start()
    # Benchmarks keep their results where the person's data is, not in the run's own folder.
    os.environ.setdefault(
        "PLUMBLINE_BENCH_RESULTS",
        str(Path(os.environ.get("PLUMBLINE_VAR") or BASE_DIR / "var").absolute() / "benchmarks"),
    )
    os.environ.update(services.variables("main", 0))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_setupnodes(config: pytest.Config, specs: list[Any]) -> None:
    """Give each worker process its own surroundings, before it starts."""
    services = config.stash[_SERVICES]
    for number, spec in enumerate(specs, start=1):
        spec.env.update(services.variables(spec.id, number))


@pytest.hookimpl(tryfirst=True)
def pytest_configure() -> None:
    sys.addaudithook(_refuse_the_outside)
    sys.addaudithook(_refuse_the_database_as_a_file)


def _refuse_the_outside(event: str, arguments: tuple[Any, ...]) -> None:
    """No test talks to anything but this machine; a hook of the interpreter sees every socket."""
    if event == "socket.connect":
        address = arguments[1]
        host = address[0] if isinstance(address, tuple) else ""
    elif event == "socket.getaddrinfo":
        host = arguments[0] or ""
    else:
        return
    if isinstance(host, bytes):
        host = host.decode(errors="replace")
    if host and not host.startswith(LOOPBACK):
        raise RuntimeError(f"a test tried to reach {host}: tests use this machine only")


def _refuse_the_database_as_a_file(event: str, arguments: tuple[Any, ...]) -> None:
    """Closing it would give up the locks of SQLite in this process, and the next process that ends
    would remove the log under the others: hours later the database is malformed."""
    if event == "open" and str(arguments[0]).startswith(
        os.path.join(os.environ.get("PLUMBLINE_VAR", "?"), "test.sqlite3")
    ):
        raise RuntimeError(
            f"{arguments[0]} is opened as a file; ask SQLite, or let another process read it"
        )


def pytest_report_header(config: pytest.Config) -> list[str]:
    services = config.stash.get(_SERVICES, None)
    if services is None:
        return []
    return [
        f"engine: {services.engine}"
        + ("" if services.postgres or services.engine == "sqlite" else " (from DATABASE_URL)"),
        "broker: " + ("real Valkey" if services.broker else "from CELERY_BROKER_URL"),
        f"browser: {missing_part() or chromium_path()}",
    ]


@pytest.hookimpl(trylast=True)
def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """Say what did not run, and leave the counts for `quickstart.py`, which adds up the passes."""
    missing = missing_part()
    if missing and not is_required():
        terminalreporter.write_line(f"BROWSER TESTS WERE SKIPPED: {missing}", red=True)
    if target := config.getoption("--counts-file"):
        names = ("failed", "error", "passed", "skipped", "xfailed", "xpassed")
        counts = {name: len(terminalreporter.stats.get(name, [])) for name in names}
        Path(target).write_text(json.dumps(counts))


@pytest.fixture(scope="session")
def engine() -> str:
    """`sqlite` or `postgres`: what this run tests on."""
    from django.db import connection

    return {"postgresql": "postgres"}.get(connection.vendor, connection.vendor)
