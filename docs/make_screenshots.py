"""Makes the pictures of the README from the running demo.

Start the demo (`python3 quickstart.py`), set up the test tools once (`python3 quickstart.py test
--version`), then run `.venv/bin/python docs/make_screenshots.py` in a second terminal. Needs
Chromium (`sudo apt install -y chromium`).
"""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from typing import Literal, NamedTuple
from urllib.parse import quote, urlsplit

from playwright.sync_api import Browser, sync_playwright

FOLDER = Path(__file__).parent / "screenshots"
BASE = f"http://127.0.0.1:{os.environ.get('PLUMBLINE_PORT', '8000')}"
PASSWORD = "plumbline-demo"  # noqa: S105  (the demo's public password)
FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
)  # fmt: skip


class Shot(NamedTuple):
    """One picture: file name, who looks, the page, and how.

    `follow` names the first of the links to go on with, as a CSS selector.
    """

    name: str
    username: str
    path: str
    follow: str = ""
    width: int = 1200
    height: int = 800
    scheme: Literal["light", "dark"] = "light"


USE_CASE = "test-generation-for-the-checkout-service"
SHOTS = (
    Shot("portfolio", "lead", "/portfolio/", width=1400),
    Shot("use-case", "owner", f"/use-cases/{USE_CASE}/", height=1120),
    Shot(
        "costs-dark",
        "finance",
        "/costs/?currency=USD&basis=invoiced",
        height=1010,
        scheme="dark",
    ),
    Shot("import-run", "finance", "/imports/runs/?status=held", follow="#results tbody a"),
    Shot(
        "log-delivery-narrow",
        "employee",
        f"/deliveries/log/?use_case={USE_CASE}",
        width=390,
        height=844,
    ),
)


def take(browser: Browser, shot: Shot) -> None:
    """Sign in afresh, open the page and keep what the window shows."""
    context = browser.new_context(
        viewport={"width": shot.width, "height": shot.height},
        device_scale_factor=1,
        color_scheme=shot.scheme,
        reduced_motion="reduce",
        locale="en-GB",
    )
    page = context.new_page()
    page.goto(f"{BASE}/sign-in/?next={quote(shot.path)}")
    page.get_by_label("User name").fill(shot.username)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(lambda url: urlsplit(url).path == urlsplit(shot.path).path)
    if shot.follow:
        page.locator(shot.follow).first.click()
    page.wait_for_load_state("networkidle")
    page.screenshot(path=FOLDER / f"{shot.name}.png")
    context.close()


def main() -> int:
    program = shutil.which("chromium") or shutil.which("google-chrome")
    if program is None:
        sys.stderr.write("Chromium is missing: sudo apt install -y chromium\n")
        return 1
    FOLDER.mkdir(exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=list(FLAGS))
        for shot in SHOTS:
            take(browser, shot)
            sys.stderr.write(f"{shot.name}.png\n")
        browser.close()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
