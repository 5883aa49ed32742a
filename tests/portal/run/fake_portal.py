"""A supervisor over the real broker and three small programs, for `test_supervisor.py`.

Run as `python fake_portal.py VAR PORT`. The worker forks twice, as a daemon would, and so leaves
its process group; the web program answers `/healthz`.
"""

from __future__ import annotations

import signal
import sys
from pathlib import Path

from portal.run.processes import Child
from portal.run.supervisor import Supervisor

WEB = """
import http.server, sys
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.end_headers(); self.wfile.write(b"ok")
http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"""
WORKER = """
import os, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        time.sleep(600)
    os._exit(0)
time.sleep(600)
"""
TIDY = """
import signal, sys, time
signal.signal(signal.SIGTERM, lambda *_: (open(sys.argv[1], "a").write("scheduler "), sys.exit()))
time.sleep(600)
"""


class FakePortal(Supervisor):
    def _command(self, *arguments: str) -> None:
        print("command", *arguments, flush=True)  # noqa: T201 - read by the test

    def worker_child(self) -> Child:
        return self._child("worker", [sys.executable, "-c", WORKER], patience=2)

    def beat_child(self) -> Child:
        command = [sys.executable, "-c", TIDY, str(self.var / "stopped")]
        return self._child("scheduler", command, patience=5)

    def web_child(self) -> Child:
        return self._child("web", [sys.executable, "-c", WEB, str(self.port)], patience=2)


class NeverStarts(FakePortal):
    def web_child(self) -> Child:
        command = [sys.executable, "-c", "raise SystemExit('no such template')"]
        return self._child("web", command, patience=2)


if __name__ == "__main__":
    # Whoever starts the tests with `nohup` hands down an ignored signal, which would be kept.
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    kind = NeverStarts if "--never" in sys.argv else FakePortal
    raise SystemExit(kind(var=Path(sys.argv[1]), port=int(sys.argv[2]), broker_url="").run())
