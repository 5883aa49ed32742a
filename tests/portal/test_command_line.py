"""`manage.py` says nothing at its end that its command did not say."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("code", ["pass", "import duckdb; duckdb.connect().close()"])
def test_a_command_ends_without_a_word(code: str, tmp_path: Path) -> None:
    ended = subprocess.run(
        [sys.executable, "manage.py", "shell", "--no-imports", "--command", code],
        cwd=ROOT,
        env={**os.environ, "PLUMBLINE_VAR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert (ended.stdout, ended.stderr) == ("", "")
