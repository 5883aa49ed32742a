"""Copying the database of the tests while somebody in this process has it open."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from tests.reliability.kills.driver import copy_in_use

ANOTHER_PROCESS = "import sqlite3, sys; c = sqlite3.connect(sys.argv[1]); \
c.execute('INSERT INTO a VALUES (2)'); c.commit(); c.close()"


def log_survives(folder: Path, copy: Callable[[str, str], object]) -> bool:
    """Whether the log is still there after a copy and the visit of another process."""
    path = folder / "live.sqlite3"
    with closing(sqlite3.connect(path)) as held:
        held.execute("PRAGMA journal_mode=WAL")
        held.execute("CREATE TABLE a (b)")
        held.execute("INSERT INTO a VALUES (1)")
        held.commit()
        copy(str(path), str(folder / "copy.sqlite3"))
        subprocess.run([sys.executable, "-c", ANOTHER_PROCESS, str(path)], check=True)
        return Path(f"{path}-wal").exists()


def test_a_copy_leaves_the_log_of_a_database_in_use_alone(tmp_path: Path) -> None:
    assert log_survives(tmp_path, copy_in_use)
    with closing(sqlite3.connect(tmp_path / "copy.sqlite3")) as copy:
        assert copy.execute("SELECT b FROM a").fetchall() == [(1,)]


def test_read_as_a_file_it_loses_its_locks_and_its_log(tmp_path: Path) -> None:
    assert not log_survives(tmp_path, shutil.copyfile)
