"""With the broker dead or hung, asking for an import takes no longer than three seconds."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

# Times the hint in a process that has never reached a broker, as a web process after a restart.
TIMED = """
import time, django
django.setup()
from portal.tasks import hint_import
for _ in range(2):
    began = time.monotonic()
    taken = hint_import(1)
    print(int(taken), time.monotonic() - began)
"""


def times(url: str) -> list[tuple[bool, float]]:
    done = subprocess.run(
        [sys.executable, "-c", TIMED],
        env={
            **os.environ,
            "CELERY_BROKER_URL": url,
            "DJANGO_SETTINGS_MODULE": "portal.settings",
        },
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    lines = [each.split() for each in done.stdout.splitlines() if each[:2] in {"0 ", "1 "}]
    return [(taken == "1", float(seconds)) for taken, seconds in lines]


@pytest.fixture
def hung_broker() -> Iterator[str]:
    """Takes connections and never says a word."""
    server = socket.create_server(("127.0.0.1", 0))
    held: list[socket.socket] = []

    def accept() -> None:
        while True:
            try:
                held.append(server.accept()[0])
            except OSError:
                return

    threading.Thread(target=accept, daemon=True).start()
    yield f"redis://127.0.0.1:{server.getsockname()[1]}/0"
    server.shutdown(socket.SHUT_RDWR)
    server.close()
    for each in held:
        each.close()


def test_a_hung_broker_is_given_up_within_three_seconds(hung_broker: str) -> None:
    found = times(hung_broker)
    assert [taken for taken, _ in found] == [False, False]
    assert max(seconds for _, seconds in found) <= 3, found


def test_a_dead_broker_is_given_up_within_three_seconds(tmp_path: Path) -> None:
    found = times(f"redis+socket://{tmp_path}/gone.sock")
    assert [taken for taken, _ in found] == [False, False]
    assert max(seconds for _, seconds in found) <= 3, found
