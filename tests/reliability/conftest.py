"""Real importing processes on this test's database, to race and to kill."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.plugins.workers import test_database_variables as database_variables


class Import:
    """One import in a process of its own."""

    def __init__(self, pid: int, result: Path) -> None:
        self.pid = pid
        self._result = result

    def kill(self) -> None:
        """SIGKILL, and wait until the process is gone."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)
        self.wait()

    def wait(self, seconds: float = 60) -> None:
        deadline = time.monotonic() + seconds
        while Path(f"/proc/{self.pid}").exists():
            if time.monotonic() > deadline:
                pytest.fail(f"the import in process {self.pid} does not end")
            time.sleep(0.005)

    @property
    def has_ended(self) -> bool:
        """Whether it came to its end by itself."""
        return self._result.exists()

    def result(self) -> dict[str, Any]:
        """Exit code, output and error, once it has ended."""
        self.wait()
        found: dict[str, Any] = json.loads(self._result.read_text())
        return found


class Importer:
    """Starts imports. Those started with `held=True` wait for `release`."""

    def __init__(self, folder: Path, **variables: str) -> None:
        self._folder = folder
        self._number = 0
        self._start = folder / "start-0"
        self._log = (folder / "importer.log").open("wb")
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.reliability.importer"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
            env={
                **os.environ,
                **database_variables(),
                "DJANGO_SETTINGS_MODULE": "portal.settings",
                **variables,
            },
        )
        self._imports: list[Import] = []

    def start(
        self,
        path: Path,
        *options: str,
        connection: str = "cloud",
        without: tuple[str, ...] = (),
        dawdle: float = 0.0,
        held: bool = False,
    ) -> Import:
        self._number += 1
        result = self._folder / f"result-{self._number}.json"
        arguments = ["--source", "focus", "--connection", connection, "--json", *options, str(path)]
        asked = {
            "arguments": arguments,
            "start": str(self._start),
            "result": str(result),
            "without": without,
            "dawdle": dawdle,
        }
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        print(json.dumps(asked), file=self._process.stdin, flush=True)  # noqa: T201
        started = Import(int(self._process.stdout.readline()), result)
        self._imports.append(started)
        if not held:
            self.release()
        return started

    def release(self) -> None:
        """Let every import that waits begin at once."""
        self._start.touch()
        self._start = self._folder / f"start-{self._number}"

    def kill_all(self) -> None:
        """Whatever still runs; the process that starts them stays."""
        for each in self._imports:
            each.kill()
        self._imports.clear()

    def stop(self) -> None:
        self.kill_all()
        self._process.kill()
        self._process.communicate()
        self._log.close()


@pytest.fixture(autouse=True)
def _empty_the_largest_tables_first(transactional_db: None) -> Iterator[None]:
    """Flushing on SQLite looks for the children of each parent row; gone, they cost nothing."""
    yield
    from django.db import connection

    with connection.cursor() as cursor:
        for table in ("allocation", "restatement", "dailycost", "charge"):
            cursor.execute(f"DELETE FROM billing_{table}")  # noqa: S608  (names of our own)


@pytest.fixture(scope="module")
def importing_process(
    django_db_setup: None, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Importer]:
    """It loads the portal once for a module's tests, and never opens the database itself."""
    found = Importer(tmp_path_factory.mktemp("importer"))
    yield found
    found.stop()


@pytest.fixture
def importer(transactional_db: None, importing_process: Importer) -> Iterator[Importer]:
    """Imports in real processes; whatever still runs at the end of a test is killed."""
    yield importing_process
    importing_process.kill_all()
