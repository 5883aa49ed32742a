"""The product behind gunicorn, as it is served: compressed, several threads, its own process.

It has a data directory and a database of its own, in which the story is told before it starts.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from portal.env import BASE_DIR

OPTIONS = "--no-control-socket --workers 1 --threads 4 --timeout 60 --log-level warning"
START_WITHIN = 60.0  # seconds
_TELL = "import django; django.setup(); from tests.browser.story import main; main()"


class Site:
    """A served story.

    Attributes:
        url: where it is, without a slash at the end.
        story: what was made, as `tests.browser.story.plain` gives it.
    """

    def __init__(self, url: str, story: dict[str, Any]) -> None:
        self.url = url
        self.story = story

    def value(self, path: str) -> str:
        """What the story has at a path such as `runs.held.pk`."""
        found: Any = self.story
        for part in path.split("."):
            found = found[part]
        return str(found)


def _environment(var: Path) -> dict[str, str]:
    variables = {**os.environ, "PLUMBLINE_VAR": str(var), "PLUMBLINE_LOG_LEVEL": "WARNING"}
    variables["DJANGO_SETTINGS_MODULE"] = "portal.settings"
    variables.pop("DATABASE_URL", None)  # a file in the data directory
    return variables


def tell_story(var: Path) -> dict[str, Any]:
    """Build the story in a process of its own, where no test's database is open."""
    done = subprocess.run(
        [sys.executable, "-c", _TELL],
        env=_environment(var),
        cwd=BASE_DIR,
        capture_output=True,
        check=False,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    document: dict[str, Any] = json.loads(done.stdout)
    return document


def copy_of_story(var: Path, common: Path) -> dict[str, Any]:
    """The story below `var`, as the first process of a test run told it below `common`.

    Telling it takes half a minute, so the others wait for that process and take a copy of what it
    left: nobody has its database open any more. What it failed of, all fail of: a second attempt
    would begin in the half that the first one left, and hide why.
    """
    common.mkdir(exist_ok=True)
    told, failed = common / "story.json", common / "failed.txt"
    with (common / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert not failed.exists(), failed.read_text()
        if not told.exists():
            try:
                told.write_text(json.dumps(tell_story(common / "var")))
            except Exception as error:
                failed.write_text(str(error))
                raise
    shutil.copytree(common / "var", var)
    document: dict[str, Any] = json.loads(told.read_text())
    return document


@contextmanager
def running_site(var: Path, story: dict[str, Any]) -> Iterator[Site]:
    """Serve the story that was told below `var`."""
    listener = socket.create_server(("127.0.0.1", 0))
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    command = [sys.executable, "-m", "gunicorn", *OPTIONS.split()]
    command += ["--bind", f"fd://{listener.fileno()}", "portal.wsgi:application"]
    log = var / "server.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            stdout=output,
            stderr=output,
            pass_fds=[listener.fileno()],
            env=_environment(var),
            cwd=BASE_DIR,
        )
    listener.close()  # the server has its own copy
    try:
        _wait(url, process, log)
        yield Site(url, story)
    finally:
        process.terminate()
        process.wait(timeout=20)


def _wait(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_WITHIN
    while time.monotonic() < deadline and process.poll() is None:
        try:
            urllib.request.urlopen(f"{url}/healthz", timeout=5).close()  # noqa: S310  (our own)
        except (urllib.error.URLError, TimeoutError):
            time.sleep(0.1)
        else:
            return
    raise RuntimeError(f"the web server did not start: {log.read_text(errors='replace')}")
