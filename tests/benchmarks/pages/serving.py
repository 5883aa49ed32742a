"""gunicorn as the demo runs it, on the test's own database, for as long as a block lasts."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from portal.run.processes import end_process
from tests.plugins.workers import test_database_variables

HOST = "127.0.0.1"
# As `portal.run.supervisor` starts it.
OPTIONS = "--preload --workers 2 --threads 2 --timeout 60 --graceful-timeout 5"
_READY_WITHIN = 60.0  # seconds


@dataclass(frozen=True, slots=True)
class Server:
    """A running web server."""

    port: int
    pid: int

    def workers(self) -> list[int]:
        """Process ids of its workers."""
        path = Path(f"/proc/{self.pid}/task/{self.pid}/children")
        return [int(pid) for pid in path.read_text().split()]

    def cpu_seconds(self) -> float:
        """Processor time of its workers so far, which other programs of the machine do not raise
        as they raise the time of an answer."""
        ticks = 0
        for pid in self.workers():
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            ticks += int(fields[11]) + int(fields[12])
        return ticks / os.sysconf("SC_CLK_TCK")

    def memory(self) -> list[dict[str, float]]:
        """Resident and proportional memory of each worker in MB; shared pages count in part."""
        found = []
        for pid in self.workers():
            lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
            sizes = {line.split()[0]: int(line.split()[1]) for line in lines[1:]}
            found.append(
                {"rss": round(sizes["Rss:"] / 1024, 1), "pss": round(sizes["Pss:"] / 1024, 1)}
            )
        return found


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


@contextmanager
def serving(folder: Path, variables: Mapping[str, str] | None = None) -> Iterator[Server]:
    """Start it, wait until it answers, and stop it; `variables` are set in its environment."""
    port = _free_port()
    log = folder / "web.log"
    command = [sys.executable, "-m", "gunicorn", "--no-control-socket", *OPTIONS.split()]
    command += ["--log-level", "warning", "--bind", f"{HOST}:{port}"]
    command += ["tests.benchmarks.pages.application:application"]
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            stdout=output,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            env={**os.environ, **test_database_variables(), **(variables or {})},
            start_new_session=True,
        )
    try:
        _wait(process, port, log)
        yield Server(port, process.pid)
    finally:
        end_process(process, patience=8)


def _wait(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    deadline = time.monotonic() + _READY_WITHIN
    while True:
        try:
            with urllib.request.urlopen(f"http://{HOST}:{port}/healthz", timeout=5):  # noqa: S310  (our own server)
                return
        except OSError:
            if process.poll() is not None or time.monotonic() > deadline:
                raise AssertionError(f"the web server did not start:\n{log.read_text()}") from None
            time.sleep(0.1)
