"""Real Celery worker processes for tests, against the test's own database and broker."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

READY_WITHIN = 180.0  # seconds: proofs run beside one another
READY = " ready."


class WorkerProcess:
    """One worker in a session of its own; `kill` is SIGKILL for it and its pool."""

    def __init__(self, process: subprocess.Popen[bytes], log: Path) -> None:
        self.process = process
        self.log = log

    @property
    def pid(self) -> int:
        return self.process.pid

    def text(self) -> str:
        return self.log.read_text(errors="replace")

    def kill(self) -> None:
        """End everything at once, as a power cut would."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(timeout=10)

    def stop(self) -> None:
        """End it in order, then remove whatever is left of its group."""
        with contextlib.suppress(ProcessLookupError, subprocess.TimeoutExpired):
            self.process.terminate()
            self.process.wait(timeout=15)
        self.kill()


class WorkerFactory:
    """Call it to start a worker that has read its settings and listens.

    Args of a call:
        queues: which queues it serves.
        visibility_timeout: seconds until the broker hands out again what a killed worker held.
        variables: further environment variables.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._started: list[WorkerProcess] = []

    def __call__(
        self,
        *,
        queues: str = "default,imports",
        concurrency: int = 1,
        visibility_timeout: int | None = None,
        variables: dict[str, str] | None = None,
    ) -> WorkerProcess:
        number = len(self._started)
        log = self._folder / f"worker-{number}.log"
        environment = {**os.environ, **test_database_variables(), "REMAP_SIGTERM": "SIGQUIT"}
        environment["PLUMBLINE_LOG_LEVEL"] = "INFO"  # that it is ready stands in its log
        environment |= variables or {}
        if visibility_timeout is not None:
            environment["TEST_VISIBILITY_TIMEOUT"] = str(visibility_timeout)
        command = [sys.executable, "-m", "celery", "-A", "tests.plugins.worker_app", "worker"]
        command += ["-Q", queues, "-c", str(concurrency), "-n", f"test-{number}@%h"]
        command += ["--without-gossip", "--without-mingle", "--loglevel", "INFO"]
        with log.open("wb") as output:
            process = subprocess.Popen(
                command,
                stdout=output,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                env=environment,
                start_new_session=True,
            )
        worker = WorkerProcess(process, log)
        self._started.append(worker)
        self._wait(worker)
        return worker

    @staticmethod
    def _wait(worker: WorkerProcess) -> None:
        deadline = time.monotonic() + READY_WITHIN
        while READY not in worker.text():
            if worker.process.poll() is not None or time.monotonic() > deadline:
                worker.kill()
                pytest.fail(f"the worker did not start:\n{worker.text()}")
            time.sleep(0.1)

    def stop_all(self) -> None:
        for worker in self._started:
            worker.kill()


class WatchedWorker:
    """A worker, or the one that was started in its place."""

    def __init__(self, start: Callable[[], WorkerProcess]) -> None:
        self._start = start
        self.worker = start()

    def start_if_ended(self) -> bool:
        """Do what the supervisor does: start a worker when the last one has ended."""
        if self.worker.process.poll() is None:
            return False
        self.worker = self._start()
        return True


def test_database_variables() -> dict[str, str]:
    """DATABASE_URL of the database that this test process really uses."""
    from django.db import connection

    settings = connection.settings_dict
    name = str(settings["NAME"])
    if connection.vendor == "sqlite":
        return {"DATABASE_URL": f"sqlite:///{quote(name)}"}
    host = settings["HOST"] or settings["OPTIONS"].get("host", "")
    user, password = (quote(str(settings[key]), safe="") for key in ("USER", "PASSWORD"))
    port = f"&port={settings['PORT']}" if settings["PORT"] else ""
    return {
        "DATABASE_URL": f"postgresql://{user}:{password}@/{quote(name)}"
        f"?host={quote(str(host), safe='')}{port}"
    }


test_database_variables.__test__ = False  # type: ignore[attr-defined]


@pytest.fixture
def celery_worker_process(transactional_db: None, tmp_path: Path) -> Iterator[WorkerFactory]:
    """Start real workers on this test's database and broker; all are gone afterwards."""
    from portal.celery import app

    app.control.purge()
    factory = WorkerFactory(tmp_path)
    yield factory
    factory.stop_all()
    app.control.purge()
