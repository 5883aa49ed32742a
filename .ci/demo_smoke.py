"""Starts the demo in a clone as a stranger would, signs in, asks for its pages, and stops it.

Usage: demo_smoke.py CLONE. Standard library only; exit code 0 when everything is well.
"""

from __future__ import annotations

import http.cookiejar
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections import deque
from html.parser import HTMLParser
from pathlib import Path

READY_WITHIN = 15 * 60.0  # seconds: downloads and the demo programme on a slow machine
AGAIN_WITHIN = 60.0
STOPPED_WITHIN = 30.0
MOST_PAGES = 250
# The caches are passed on, so that what the tests downloaded is not downloaded again.
PASSED_ON = ("UV_CACHE_DIR", "PIP_CACHE_DIR", "PIP_INDEX_URL", "UV_DEFAULT_INDEX", "HTTPS_PROXY")


class Failure(Exception):
    """What did not hold."""


class Demo:
    """One run of `quickstart.py` with an empty home and data of its own."""

    def __init__(self, clone: Path, home: Path, port: int) -> None:
        self.port = port
        self.var = home / "data"
        variables = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
        variables |= {"HOME": str(home), "PATH": "/usr/local/bin:/usr/bin:/bin", "LANG": "C.UTF-8"}
        variables |= {"PLUMBLINE_VAR": str(self.var), "PLUMBLINE_PORT": str(port)}
        self.lines: list[str] = []
        self.started = time.monotonic()
        self.process = subprocess.Popen(
            [sys.executable, "quickstart.py"],
            cwd=clone,
            env=variables,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self.process.stdout is not None  # noqa: S101 - it was asked for
        for line in self.process.stdout:
            self.lines.append(line)
            print(f"  | {line}", end="", flush=True)

    def wait_until_ready(self, seconds: float) -> float:
        """Return the seconds it took."""
        while time.monotonic() - self.started < seconds:
            if any("Plumbline is ready" in line for line in self.lines):
                return time.monotonic() - self.started
            if self.process.poll() is not None:
                raise Failure(f"it ended with {self.process.returncode} before it was ready")
            time.sleep(0.1)
        raise Failure(f"it was not ready within {seconds:.0f} s")

    def processes(self) -> list[str]:
        """Command lines of every process that still works on our data."""
        found = []
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                line = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode()
                mine = str(self.var).encode() in (folder / "environ").read_bytes()
            except OSError:
                continue
            if mine or str(self.var) in line:
                found.append(line)
        return found

    def stop(self) -> float:
        """Ctrl-C; return the seconds until everything was gone."""
        asked = time.monotonic()
        self.process.send_signal(signal.SIGINT)
        try:
            code = self.process.wait(timeout=STOPPED_WITHIN)
        except subprocess.TimeoutExpired:
            raise Failure(f"it did not stop within {STOPPED_WITHIN:.0f} s") from None
        if code != 0:
            raise Failure(f"Ctrl-C ended it with {code}, not 0")
        if left := self.processes():
            raise Failure(f"processes are left behind: {left}")
        return time.monotonic() - asked


class Links(HTMLParser):
    """The addresses a page links to, and whether it has a title and a main part."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.tags: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        if tag == "a":
            self.found += [value for name, value in attrs if name == "href" and value]


class Visitor:
    """A signed-in reader with cookies."""

    def __init__(self, base: str) -> None:
        self.base = base
        self.cookies = http.cookiejar.CookieJar()
        self.opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(self.cookies))

    def get(self, url: str) -> tuple[int, str, str]:
        """(status, content type, text)."""
        try:
            with self.opener.open(url, timeout=60) as reply:
                kind = reply.headers.get("Content-Type", "")
                return reply.status, kind, reply.read().decode(errors="replace")
        except urllib.error.HTTPError as refused:
            return refused.code, "", refused.read().decode(errors="replace")

    def sign_in(self, name: str, password: str) -> None:
        url = f"{self.base}sign-in/"
        _, _, form = self.get(url)
        token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', form)
        if token is None:
            raise Failure("the sign-in page has no form")
        fields = {"username": name, "password": password, "csrfmiddlewaretoken": token.group(1)}
        request = urllib.request.Request(  # noqa: S310 - our own server
            url, data=urllib.parse.urlencode(fields).encode(), headers={"Referer": url}
        )
        with self.opener.open(request, timeout=60) as reply:
            if reply.url.startswith(url):
                raise Failure(f"signing in as {name} was refused")

    def visit_everything(self) -> list[str]:
        """Follow every link of our own, from the home page; return the addresses asked for."""
        waiting, seen, kinds = deque([self.base]), {self.base}, dict[str, int]()
        asked: list[str] = []
        while waiting and len(asked) < MOST_PAGES:
            url = waiting.popleft()
            status, kind, text = self.get(url)
            asked.append(url)
            if status != 200:
                raise Failure(f"{url} answered {status}")
            if not kind.startswith("text/html"):
                continue
            page = Links(text)
            if not {"title", "main", "h1"} <= page.tags:
                raise Failure(f"{url} lacks a title, a main part or a heading")
            for link in page.found:
                target = urllib.parse.urldefrag(urllib.parse.urljoin(url, link)).url
                shape = re.sub(r"\d+|=[^&]*", "#", target)  # a few pages of each kind will do
                if (
                    target.startswith(self.base)
                    and target not in seen
                    and "sign-out" not in target
                    and kinds.get(shape, 0) < 5
                ):
                    kinds[shape] = kinds.get(shape, 0) + 1
                    seen.add(target)
                    waiting.append(target)
        return asked


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def logins(lines: list[str]) -> list[tuple[str, str]]:
    """The (name, password) pairs that the demo printed: one password, then a line a person."""
    text = "".join(lines)
    password = re.search(r"Every password is: (\S+)\n\n", text)
    if password is None:
        return []
    listed = text[password.end() :].split("\n\n")[0]
    return [(line.split()[0], password.group(1)) for line in listed.splitlines() if line.strip()]


def check(clone: Path, home: Path) -> None:
    demo = Demo(clone, home, free_port())
    try:
        print(f"ready after {demo.wait_until_ready(READY_WITHIN):.1f} s")
        people = logins(demo.lines)
        if not people:
            raise Failure("the demo printed no logins")
        for name, password in people:
            visitor = Visitor(f"http://127.0.0.1:{demo.port}/")
            visitor.sign_in(name, password)
            print(f"{name}: {len(visitor.visit_everything())} addresses answered")
        print(f"stopped within {demo.stop():.1f} s")
        demo = Demo(clone, home, demo.port)
        print(f"second start: ready after {demo.wait_until_ready(AGAIN_WITHIN):.1f} s")
        visitor = Visitor(f"http://127.0.0.1:{demo.port}/")
        visitor.sign_in(*people[0])
        print(f"stopped within {demo.stop():.1f} s")
    finally:
        if demo.process.poll() is None:
            demo.process.kill()


def main() -> int:
    # What the demo was doing when it failed may still write for a moment.
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as home:
        try:
            check(Path(sys.argv[1]).resolve(), Path(home))
        except Failure as failure:
            print(f"The demo: {failure}", file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
