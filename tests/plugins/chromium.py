"""Where Chromium is, and how it is started without talking to anybody."""

from __future__ import annotations

import functools
import os
import shutil
import subprocess

import pytest
from playwright._impl._driver import compute_driver_executable

NAMES = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")
ARGUMENTS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1",
]


def chromium_path() -> str | None:
    return next(filter(None, map(shutil.which, NAMES)), None)


@functools.cache
def missing_part() -> str | None:
    """What keeps browser tests from running, with the command that mends it; None when nothing."""
    if chromium_path() is None:
        return "no Chromium here; sudo apt install -y chromium"
    driver, _ = compute_driver_executable()
    try:
        subprocess.run([driver, "--version"], check=True, capture_output=True, timeout=30)
    except (OSError, subprocess.SubprocessError):
        # Its own Node needs a library that a small Debian lacks.
        return "Playwright's driver does not run; sudo apt install -y libatomic1"
    return None


def is_required() -> bool:
    return os.environ.get("REQUIRE_BROWSER") == "1"


def require_chromium() -> str:
    """The path of Chromium; without one the test is skipped, or fails when one is required."""
    missing = missing_part()
    if missing is None:
        return str(chromium_path())
    if is_required():
        pytest.fail(f"REQUIRE_BROWSER=1 and {missing}")
    pytest.skip(missing)
