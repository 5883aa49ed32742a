"""Starts, watches and stops what the local portal consists of.

Order of start: broker, migrations and demo data, worker, scheduler, web server. Order of stop: web
server, scheduler, worker, broker, so that nothing loses what it still talks to.
"""

from __future__ import annotations

import fcntl
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Sequence
from pathlib import Path
from types import FrameType

from portal.env import BASE_DIR
from portal.run import broker
from portal.run.processes import (
    Child,
    adopt_orphans,
    die_with_parent,
    end_process,
    environment_with_defaults,
    kill_descendants,
    kill_group,
    reap_orphans,
)

HOST = "127.0.0.1"
DEATHS_BEFORE_READY = 3  # a child that dies this often while starting has a fault, not bad luck
READY_WITHIN = 90.0  # seconds
PAUSE = 0.2  # seconds between two looks


class StartError(RuntimeError):
    """The portal cannot start; the message says why and names the command that mends it."""


class Stopped(Exception):  # noqa: N818 - not an error: a person asked for it
    """Ctrl-C or SIGTERM arrived."""


def say(message: str) -> None:
    print(message, flush=True)


def take_lock(var: Path, url: str) -> int:
    """Hold this data directory for one supervisor; the kernel lets go when the process ends.

    Raises:
        StartError: another one holds it.
    """
    var.mkdir(parents=True, exist_ok=True)
    handle = os.open(var / "supervisor.lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = os.pread(handle, 200, 0).decode(errors="replace").split()
        os.close(handle)
        pid, address = (holder + ["?", "?"])[:2]
        raise StartError(
            f"Plumbline already runs on {var} (process {pid}, {address}).\n"
            f"Stop it with Ctrl-C in its terminal or:  kill {pid}\n"
            "or start another on its own data and port:\n"
            "  PLUMBLINE_VAR=/tmp/plumbline-2 PLUMBLINE_PORT=8001 python3 quickstart.py"
        ) from None
    os.ftruncate(handle, 0)
    os.pwrite(handle, f"{os.getpid()} {url}\n".encode(), 0)
    return handle


def require_free_port(port: int) -> None:
    """Make sure that the web server will get its port.

    Raises:
        StartError: something listens there, or the port may not be used.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
            probe.listen(1)
        except OSError as error:
            other = port + 1 if port < 65535 else 8000
            raise StartError(
                f"Port {port} on {HOST} cannot be used: {error.strerror}.\n"
                f"Start on another one:  PLUMBLINE_PORT={other} python3 quickstart.py"
            ) from error


class Supervisor:
    """Keeps the children of one data directory running until told to stop."""

    def __init__(self, *, var: Path, port: int, broker_url: str, python: str = "") -> None:
        self.var = var
        self.port = port
        self.python = python or sys.executable
        self.url = f"http://{HOST}:{port}/"
        self.external_broker = broker_url
        self.children: list[Child] = []
        self.is_ready = False
        self._stop_asked = 0

    # --- What runs --------------------------------------------------------------------------

    def _child(self, name: str, command: Sequence[str], *, patience: float) -> Child:
        return Child(
            name=name, command=command, patience=patience, log=self.var / "log" / f"{name}.log"
        )

    def broker_child(self) -> Child:
        path = broker.socket_path(self.var)
        folder = broker.broker_folder(self.var)
        folder.mkdir(parents=True, exist_ok=True)
        command = broker.server_command(broker.find_server(), socket=path, folder=folder)
        child = self._child("broker", command, patience=5)
        child.before_start = lambda: broker.prepare_socket(path)
        return child

    def worker_child(self) -> Child:
        options = "-Q default,imports -c 1 --without-gossip --without-mingle --loglevel INFO"
        command = [self.python, "-m", "celery", "-A", "portal.celery", "worker", *options.split()]
        child = self._child("worker", command, patience=10)
        # SIGTERM then returns unfinished work to the broker instead of waiting for its end.
        child.environment = {"REMAP_SIGTERM": "SIGQUIT"}
        # Asked politely it would wait for the broker, which has just ended as well.
        child.orphan_signal = signal.SIGKILL
        return child

    def beat_child(self) -> Child:
        schedule = ["--schedule", str(self.var / "beat-schedule"), "--pidfile", ""]
        command = [self.python, "-m", "celery", "-A", "portal.celery", "beat", *schedule]
        return self._child("scheduler", command, patience=5)

    def web_child(self) -> Child:
        options = "--preload --workers 2 --threads 2 --timeout 60 --graceful-timeout 5"
        command = [self.python, "-m", "gunicorn", "--no-control-socket", *options.split()]
        command += ["--log-level", "warning"]
        command += ["--bind", f"{HOST}:{self.port}", "portal.wsgi:application"]
        return self._child("web", command, patience=8)

    # --- Life -------------------------------------------------------------------------------

    def run(self) -> int:
        """Start everything and watch it until Ctrl-C or SIGTERM; returns the exit code."""
        adopt_orphans()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:  # nohup
                signal.signal(number, self._ask_to_stop)
        try:
            lock = take_lock(self.var, self.url)
        except StartError as problem:
            say(str(problem))
            return 1
        try:
            self._start_all()
            while True:
                self._pause()
        except Stopped:
            say("\nStopping.")
            return 0
        except (StartError, broker.NoBrokerError, broker.UnsafeSocketFolderError) as problem:
            say(f"\n{problem}")
            return 1
        finally:
            self._stop_all()
            os.close(lock)

    def _ask_to_stop(self, _number: int, _frame: FrameType | None) -> None:
        """Only a flag, read between steps: an exception here could lose a child just started."""
        self._stop_asked += 1
        if self._stop_asked > 1:  # asked twice: no more patience
            for child in self.children:
                kill_group(child.process)

    def _start_all(self) -> None:
        require_free_port(self.port)
        if self.external_broker:
            say("Broker: the one named in CELERY_BROKER_URL.")
        else:
            self._launch(self.broker_child())
            self._wait(self._broker_answers, what="the broker")
        self._command("demo")  # migrates first
        for child in (self.worker_child(), self.beat_child(), self.web_child()):
            self._launch(child)
        self._wait(self._web_answers, what=f"{self.url}healthz")
        self.is_ready = True
        say(f"\nPlumbline is ready:  {self.url}\nLogs: {self.var / 'log'}. Stop with Ctrl-C.")

    def _stop_all(self) -> None:
        for child in reversed(self.children):
            child.stop()
        kill_descendants()

    def _launch(self, child: Child) -> None:
        self.children.append(child)
        child.start()

    def _command(self, *arguments: str) -> None:
        """Run a management command in the foreground, as a child that a stop reaches.

        Raises:
            StartError: it failed.
        """
        # The terminal is for a person: what a command says is enough, its log only in trouble.
        process = subprocess.Popen(
            [self.python, str(BASE_DIR / "manage.py"), *arguments],
            env=environment_with_defaults(PLUMBLINE_LOG_LEVEL="WARNING"),
            stdin=subprocess.DEVNULL,
            start_new_session=True,
            preexec_fn=die_with_parent,  # noqa: PLW1509 - the supervisor has one thread
        )
        try:
            while process.poll() is None:
                self._pause()
        except Stopped:
            end_process(process, patience=5)
            raise
        if process.returncode != 0:
            raise StartError(
                f"`manage {arguments[0]}` failed with {process.returncode} (see above). Run it "
                f"alone to look closer:  python3 quickstart.py manage {arguments[0]}"
            )

    # --- Watching ---------------------------------------------------------------------------

    def _pause(self) -> None:
        """One turn of every waiting loop: stop when asked, revive the dead, rest a little."""
        if self._stop_asked:
            raise Stopped
        self._revive_the_dead(time.monotonic())
        reap_orphans(self.children)
        time.sleep(PAUSE)

    def _revive_the_dead(self, now: float) -> None:
        for child in self.children:
            if child.is_running:
                continue
            if child.restart_at is None:
                self._mourn(child, now)
            elif now >= child.restart_at:
                child.start()

    def _mourn(self, child: Child, now: float) -> None:
        """Say that a child died and when it starts again.

        Raises:
            StartError: it keeps dying before the portal was ever ready.
        """
        delay = child.plan_restart(now)
        if not self.is_ready and child.deaths >= DEATHS_BEFORE_READY:
            raise StartError(
                f"The {child.name} does not start. The end of {child.log}:\n{child.last_words()}"
            )
        say(f"The {child.name} {child.cause_of_death}; starting it again in {delay:.0f} s.")

    def _wait(self, answers: Callable[[], bool], *, what: str) -> None:
        """Wait until `answers()`.

        Raises:
            StartError: it took longer than `READY_WITHIN` seconds.
        """
        deadline = time.monotonic() + READY_WITHIN
        while not answers():
            if time.monotonic() > deadline:
                raise StartError(
                    f"No answer from {what} within {READY_WITHIN:.0f} s; see {self.var / 'log'}."
                )
            self._pause()

    def _broker_answers(self) -> bool:
        with socket.socket(socket.AF_UNIX) as probe:
            probe.settimeout(2)
            try:
                probe.connect(str(broker.socket_path(self.var)))
                probe.sendall(b"PING\r\n")
                return probe.recv(16).startswith(b"+PONG")  # not while it still loads its file
            except OSError:
                return False

    def _web_answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}healthz", timeout=3) as reply:  # noqa: S310  (our own address)
                return bool(reply.status == 200)
        except OSError:  # a refused connection, a time-out, or an answer that is no success
            return False
