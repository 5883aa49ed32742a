"""The supervisor over real processes: start, death, stop, and what must never be left behind."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from portal.run import broker
from tests.plugins.sweeping import sampled

REPOSITORY = Path(__file__).resolve().parents[3]
SCRIPT = Path(__file__).with_name("fake_portal.py")


def wait_for(condition: Callable[[], bool], *, seconds: float = 60.0) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.05)
    return condition()


class Portal:
    """One fake portal in a process of its own, and a mark by which its processes are found."""

    def __init__(self, folder: Path, *options: str, port: int | None = None) -> None:
        self.mark = uuid.uuid4().hex
        self.var = folder / "var"
        self.port = port or free_port()
        self.output = folder / f"output-{self.mark}"
        command = [sys.executable, str(SCRIPT), str(self.var), str(self.port), *options]
        with self.output.open("wb") as output:
            self.process = subprocess.Popen(
                command,
                cwd=REPOSITORY,
                env={**os.environ, "PYTHONPATH": str(REPOSITORY), "TEST_MARK": self.mark},
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    def text(self) -> str:
        return self.output.read_text()

    def is_ready(self) -> bool:
        return "is ready" in self.text()

    def answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/healthz", timeout=2):
                return True
        except OSError:
            return False

    def processes(self) -> dict[int, str]:
        """Every living process with our mark; the broker drops it and is known by its socket."""
        found = {}
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                line = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode()
                marked = self.mark.encode() in (folder / "environ").read_bytes()
            except OSError:
                continue
            if marked or str(broker.socket_path(self.var)) in line:
                found[int(folder.name)] = line
        return found

    def pid_of(self, part: str) -> int:
        return next(pid for pid, line in self.processes().items() if part in line)

    def end(self) -> None:
        for pid in [self.process.pid, *self.processes()]:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        self.process.wait(timeout=10)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Portal]]:
    started: list[Portal] = []

    def do(*options: str, port: int | None = None) -> Portal:
        started.append(Portal(tmp_path, *options, port=port))
        return started[-1]

    yield do
    for portal in started:
        portal.end()


@pytest.fixture
def portal(start: Callable[..., Portal]) -> Portal:
    running = start()
    assert wait_for(running.is_ready), running.text()
    return running


@pytest.fixture(scope="module")
def lasting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Portal]:
    """One portal for the tests after which it runs as before."""
    running = Portal(tmp_path_factory.mktemp("lasting"))
    assert wait_for(running.is_ready), running.text()
    yield running
    running.end()


def test_everything_is_prepared_before_the_address_is_printed(lasting: Portal) -> None:
    lines = lasting.text().split("\n")
    assert lines[0] == "command demo"
    assert f"Plumbline is ready:  http://127.0.0.1:{lasting.port}/" in lines
    assert lasting.answers()


@pytest.mark.parametrize(
    "number", sampled((signal.SIGINT, signal.SIGTERM, signal.SIGHUP), signal.SIGTERM)
)
def test_a_stop_leaves_no_process_not_even_one_that_forked_twice(
    portal: Portal, number: signal.Signals
) -> None:
    assert len(portal.processes()) >= 6  # supervisor, broker, web, scheduler, worker and daemon
    portal.process.send_signal(number)
    assert portal.process.wait(timeout=60) == 0
    assert portal.processes() == {}
    assert (portal.var / "stopped").read_text() == "scheduler ", "asked once, and politely"
    assert "Traceback" not in portal.text()


def test_a_killed_supervisor_takes_its_children_with_it_and_frees_the_data(
    portal: Portal, start: Callable[..., Portal]
) -> None:
    direct = {portal.pid_of("valkey-server"), portal.pid_of("serve_forever")}
    portal.process.kill()
    portal.process.wait(timeout=10)
    assert wait_for(lambda: not direct & portal.processes().keys())
    following = start()
    assert wait_for(following.is_ready), following.text()


CHILDREN = (("serve_forever", "web"), ("valkey-server", "broker"))


@pytest.mark.parametrize("child", sampled(CHILDREN, CHILDREN[0]))
def test_a_dead_child_is_started_again_and_that_is_said(
    lasting: Portal, child: tuple[str, str]
) -> None:
    part, name = child
    first = lasting.pid_of(part)
    os.kill(first, signal.SIGKILL)
    assert wait_for(
        lambda: any(part in line for pid, line in lasting.processes().items() if pid != first)
    )
    assert f"The {name} was ended by signal 9; starting it again in 1 s." in lasting.text()
    assert wait_for(lasting.answers)


def test_a_second_instance_on_the_same_data_is_refused(lasting: Portal) -> None:
    second = Portal(lasting.var.parent)
    try:
        assert second.process.wait(timeout=60) == 1
    finally:
        second.process.kill()
    assert f"already runs on {lasting.var} (process {lasting.process.pid}," in second.text()
    assert f"kill {lasting.process.pid}" in second.text()
    assert wait_for(lasting.answers)


def test_a_port_in_use_is_named_with_the_command_that_avoids_it(
    start: Callable[..., Portal],
) -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen(1)
        port = int(holder.getsockname()[1])
        refused = start(port=port)
        assert refused.process.wait(timeout=60) == 1
    assert f"Port {port} on 127.0.0.1 cannot be used: Address already in use" in refused.text()
    assert f"PLUMBLINE_PORT={port + 1} python3 quickstart.py" in refused.text()
    assert "command demo" not in refused.text()


def test_a_child_that_never_starts_ends_the_start_with_its_last_words(
    start: Callable[..., Portal],
) -> None:
    broken = start("--never")
    assert broken.process.wait(timeout=30) == 1
    assert "The web does not start." in broken.text()
    assert "no such template" in broken.text()
    assert broken.processes() == {}


def test_a_stop_while_a_command_runs_ends_the_command(tmp_path: Path) -> None:
    script = tmp_path / "slow.py"
    script.write_text(
        "import sys\nfrom pathlib import Path\nfrom portal.run import supervisor\n"
        "supervisor.BASE_DIR = Path(sys.argv[1])\n"
        "raise SystemExit(supervisor.Supervisor("
        "var=Path(sys.argv[1]) / 'var', port=int(sys.argv[2]), broker_url='').run())\n"
    )
    (tmp_path / "manage.py").write_text("import time; print('at work', flush=True)\ntime.sleep(99)")
    process = subprocess.Popen(
        [sys.executable, str(script), str(tmp_path), str(free_port())],
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "at work\n"
    process.send_signal(signal.SIGINT)
    rest, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    assert rest == "\nStopping.\n"


def test_a_deep_data_directory_gets_a_short_socket_path(tmp_path: Path) -> None:
    shallow, deep = Path("/srv/plumbline"), tmp_path / ("d" * 60) / ("e" * 60)
    assert broker.socket_path(shallow) == shallow / "broker" / "valkey.sock"
    assert len(os.fsencode(broker.socket_path(deep))) <= broker.LONGEST_SOCKET_PATH
    assert broker.socket_path(deep) == broker.socket_path(deep)
    assert broker.socket_path(deep) != broker.socket_path(deep / "other")


def test_a_stale_socket_is_removed_and_the_folder_is_private(tmp_path: Path) -> None:
    path = tmp_path / "broker" / "valkey.sock"
    broker.prepare_socket(path)
    path.touch()
    broker.prepare_socket(path)
    assert not path.exists()
    assert path.parent.stat().st_mode & 0o077 == 0


def test_a_socket_folder_that_is_a_link_is_refused(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "broker").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(broker.UnsafeSocketFolderError, match="not a folder of yours"):
        broker.prepare_socket(tmp_path / "broker" / "valkey.sock")


def test_without_any_server_the_message_names_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(broker, "_runs", lambda server: False)
    with pytest.raises(broker.NoBrokerError, match="sudo apt install -y redis-server"):
        broker.find_server()


def test_the_system_server_serves_when_the_packaged_one_does_not_run(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("shutil.which", {"redis-server": "/usr/bin/redis-server"}.get)
    monkeypatch.setattr(broker, "_runs", lambda server: server == "/usr/bin/redis-server")
    assert broker.find_server() == "/usr/bin/redis-server"


def test_a_space_in_the_path_survives_the_url() -> None:
    assert broker.broker_url(Path("/srv/a b")) == "redis+socket:///srv/a%20b/broker/valkey.sock"


@pytest.mark.parametrize("folder", sampled(("with space", "d" * 120), "with space"))
def test_settings_and_supervisor_agree_on_the_broker(tmp_path: Path, folder: str) -> None:
    code = "from portal import settings; print(settings.CELERY_BROKER_URL)"
    environment = {**os.environ, "PLUMBLINE_VAR": str(tmp_path / folder)}
    environment.pop("CELERY_BROKER_URL", None)
    told = subprocess.run(
        [sys.executable, "-c", code],
        cwd=REPOSITORY,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert told.returncode == 0, told.stderr
    assert told.stdout.strip() == broker.broker_url(tmp_path / folder)
