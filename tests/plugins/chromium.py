"""Where Chromium is, and how it is started without talking to anybody."""

from __future__ import annotations

import os
import shutil

import pytest

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


def require_chromium() -> str:
    """The path of Chromium; without one the test is skipped, or fails when one is required."""
    found = chromium_path()
    if found:
        return found
    message = "no Chromium here; install it with `sudo apt install -y chromium`"
    if os.environ.get("REQUIRE_BROWSER") == "1":
        pytest.fail(f"REQUIRE_BROWSER=1 and {message}")
    pytest.skip(message)
