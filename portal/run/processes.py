"""Child processes that are started, watched, restarted and stopped without leaving one behind."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

FIRST_DELAY = 1.0  # seconds before the first restart; doubles up to the longest
LONGEST_DELAY = 30.0
STEADY_AFTER = 60.0  # a child that ran this long is forgiven its earlier deaths
LOG_LIMIT = 10 * 1024 * 1024  # bytes; a longer log is set aside once at the next start
_PR_SET_PDEATHSIG, _PR_SET_CHILD_SUBREAPER = 1, 36


def _prctl(option: int, value: int) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(option, value, 0, 0, 0)


def adopt_orphans() -> None:
    """Become the parent of every descendant whose own parent dies, so that none escapes us."""
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)


def environment_with_defaults(**defaults: str) -> dict[str, str]:
    """The environment for a child; `defaults` are for what it does not say."""
    return {**defaults, **os.environ}


def die_with_parent(number: signal.Signals = signal.SIGTERM) -> None:
    """In a new child: when the supervisor itself is killed, the kernel ends the child as well."""
    _prctl(_PR_SET_PDEATHSIG, number)


@dataclass
class Child:
    """One long-running program.

    Args:
        name: what messages and the log file call it.
        command: program and arguments.
        patience: seconds it gets to end after SIGTERM before it is killed.
        environment: variables added to those of the supervisor.
        before_start: runs before each start, for example to remove a stale socket.
        orphan_signal: what the kernel sends it when the supervisor itself is killed.
    """

    name: str
    command: Sequence[str]
    log: Path
    patience: float
    environment: Mapping[str, str] = field(default_factory=dict)
    before_start: Callable[[], None] | None = None
    orphan_signal: signal.Signals = signal.SIGTERM
    process: subprocess.Popen[bytes] | None = field(default=None, init=False)
    deaths: int = field(default=0, init=False)
    started_at: float = field(default=0.0, init=False)
    restart_at: float | None = field(default=None, init=False)

    def start(self) -> None:
        """Start it in a session of its own: Ctrl-C at the terminal reaches the supervisor only."""
        if self.before_start is not None:
            self.before_start()
        self.log.parent.mkdir(parents=True, exist_ok=True)
        if self.log.exists() and self.log.stat().st_size > LOG_LIMIT:
            self.log.replace(self.log.with_suffix(".log.1"))
        with self.log.open("ab") as output:
            self.process = subprocess.Popen(
                self.command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=lambda: die_with_parent(self.orphan_signal),  # noqa: PLW1509 - the supervisor has one thread
                env={**os.environ, **self.environment},
            )
        self.started_at = time.monotonic()
        self.restart_at = None

    @property
    def is_running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def plan_restart(self, now: float) -> float:
        """After a death: clear its group away and return the seconds until the next start."""
        kill_group(self.process)
        if now - self.started_at > STEADY_AFTER:
            self.deaths = 0
        delay = min(FIRST_DELAY * 2.0**self.deaths, LONGEST_DELAY)
        self.deaths += 1
        self.restart_at = now + delay
        return delay

    @property
    def cause_of_death(self) -> str:
        code = self.process.returncode if self.process is not None else None
        if code is not None and code < 0:
            return f"was ended by signal {-code}"
        return f"ended with code {code}"

    def stop(self) -> None:
        """End it, and whatever is left of its process group."""
        if self.process is not None:
            end_process(self.process, patience=self.patience)

    def last_words(self, lines: int = 15) -> str:
        """The end of its log, for the message about its death."""
        with contextlib.suppress(OSError), self.log.open("rb") as handle:
            handle.seek(max(0, self.log.stat().st_size - 8192))
            text = handle.read().decode(errors="replace")
            return "\n".join(f"    {line}" for line in text.splitlines()[-lines:])
        return ""


def end_process(process: subprocess.Popen[bytes], *, patience: float) -> None:
    """SIGTERM, `patience` seconds, then SIGKILL for whatever is left of its group."""
    if process.poll() is None:
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=patience)
    kill_group(process)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(timeout=5)


def kill_group(process: subprocess.Popen[bytes] | None) -> None:
    """Kill the whole process group that the child leads, also after the child itself is gone."""
    if process is not None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)


def reap_orphans(children: Sequence[Child]) -> None:
    """Collect adopted processes that ended; our own children stay for their `Popen` to collect."""
    own = {child.process.pid for child in children if child.process is not None}
    while True:
        try:
            ended = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        except ChildProcessError:
            return
        if ended is None or ended.si_pid in own:
            return
        with contextlib.suppress(ChildProcessError):
            os.waitpid(ended.si_pid, 0)


def descendants(of: int | None = None) -> set[int]:
    """Every process below `of` (default: this one), from /proc; empty where there is none."""
    parents: dict[int, int] = {}
    for entry in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError, ValueError, IndexError):
            # The command name, in brackets, may hold spaces and brackets: cut after the last one.
            after_name = entry.read_text(errors="replace").rpartition(")")[2].split()
            parents[int(entry.parent.name)] = int(after_name[1])
    found: set[int] = set()
    new = {os.getpid() if of is None else of}
    while new:
        new = {pid for pid, parent in parents.items() if parent in new} - found
        found |= new
    return found


def kill_descendants() -> None:
    """Last sweep: a process that left its group by forking twice was adopted, and ends here."""
    for _ in range(20):
        left = descendants()
        if not left:
            return
        for pid in left:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        with contextlib.suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        time.sleep(0.05)
