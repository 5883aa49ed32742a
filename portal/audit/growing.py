"""Files outside the database that only grow, one line an entry: heads of seals and of snapshots."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def locked(path: Path) -> Iterator[int]:
    """The file, opened for appending, by one process at a time; made with its folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield handle
    finally:
        os.close(handle)


def append_lines(handle: int, lines: Sequence[str]) -> None:
    """On the disk before anybody is told. The first line end closes a line torn by a crash."""
    if lines:
        os.write(handle, ("\n" + "\n".join(lines) + "\n").encode())
        os.fsync(handle)
