"""A broker of one test module's own: it may be killed, frozen, filled and emptied."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any
from urllib.parse import quote

import redis

from portal.run import broker


class OwnBroker:
    """A real Valkey with its append-only file, as the portal's supervisor starts it."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="plumbline-broker-"))
        self.socket = self.folder / "own.sock"
        self.url = f"redis+socket://{quote(str(self.socket))}"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        broker.prepare_socket(self.socket)
        command = broker.server_command(
            broker.find_server(), socket=self.socket, folder=self.folder
        )
        with (self.folder / "broker.log").open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log)
        for _ in range(400):
            if self._answers():
                return
            time.sleep(0.025)
        raise RuntimeError((self.folder / "broker.log").read_text())

    def _answers(self) -> bool:
        try:
            return bool(self.client().ping())
        except redis.RedisError:
            return False

    def client(self) -> Any:
        return redis.Redis(unix_socket_path=str(self.socket), socket_timeout=5)

    def kill(self) -> None:
        """As a power cut would."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(timeout=10)

    def freeze(self) -> None:
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self._signal(signal.SIGCONT)

    def _signal(self, number: signal.Signals) -> None:
        if self._process is not None and self._process.poll() is None:
            os.kill(self._process.pid, number)

    def remove(self) -> None:
        self.thaw()
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)
