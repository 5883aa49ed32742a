"""Browser fixtures: Debian's Chromium, and a page on which any complaint of the browser fails."""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import BrowserContext, ConsoleMessage, Error, Page, Request

from tests.plugins.chromium import ARGUMENTS, is_required, missing_part, require_chromium

LOCAL_HOSTS = {"127.0.0.1", "localhost", ""}


class PageGuard:
    """Collects what a browser complains about; `allow` is for the one complaint a test causes.

    Chromium writes every violation of the content security policy to the console as an error.
    """

    def __init__(self) -> None:
        self._problems: list[str] = []
        self._allowed: list[re.Pattern[str]] = []

    def allow(self, pattern: str) -> None:
        """Complaints that match this regular expression are part of the test."""
        self._allowed.append(re.compile(pattern))

    def problems(self) -> list[str]:
        return [p for p in self._problems if not any(a.search(p) for a in self._allowed)]

    def take(self) -> list[str]:
        """The problems so far, and forget them: for a page that goes on to the next address."""
        found = self.problems()
        self._problems.clear()
        return found

    def watch(self, page: Page) -> None:
        page.on("console", self._console)
        page.on("pageerror", self._page_error)
        page.on("request", self._request)

    def _console(self, message: ConsoleMessage) -> None:
        url = str(message.location.get("url", ""))
        if message.type == "error" and not url.endswith("/favicon.ico"):
            self._problems.append(f"console error: {message.text} ({url})")

    def _page_error(self, error: Error) -> None:
        self._problems.append(f"page error: {error}")

    def _request(self, request: Request) -> None:
        target = urlsplit(request.url)
        if target.scheme not in {"data", "blob", "about"} and target.hostname not in LOCAL_HOSTS:
            self._problems.append(f"request to another host: {request.url}")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Whatever asks for a browser is a browser test, skipped before a server starts for it."""
    missing = None if is_required() else missing_part()
    for item in items:
        if "browser" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.browser)
            if missing:
                item.add_marker(pytest.mark.skip(reason=f"NO BROWSER: {missing}"))


@pytest.fixture(scope="session")
def browser_type_launch_args(_allow_django_beside_playwright: None) -> dict[str, Any]:
    """Every browser is started with these, so whoever starts one allows Django beside it."""
    return {"executable_path": require_chromium(), "args": ARGUMENTS}


@pytest.fixture(scope="session")
def _allow_django_beside_playwright() -> Iterator[None]:
    """Playwright keeps an event loop in this thread, which Django takes for asynchronous code."""
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    yield
    del os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"]


@pytest.fixture(scope="module")
def without_the_browsers_loop() -> Iterator[None]:
    """Hide the loop that a browser test before left in this thread, for what starts one itself.

    Asked for by name, never for everybody: browser tests need theirs.
    """
    loop = asyncio._get_running_loop()
    asyncio._set_running_loop(None)
    yield
    asyncio._set_running_loop(loop)


@pytest.fixture
def page_guard() -> PageGuard:
    return PageGuard()


@pytest.fixture
def page(
    _allow_django_beside_playwright: None, context: BrowserContext, page_guard: PageGuard
) -> Iterator[Page]:
    """A fresh page; the test fails on any console error, CSP violation or foreign request."""
    page = context.new_page()
    page_guard.watch(page)
    yield page
    page.close()
    problems = page_guard.problems()
    assert not problems, "the browser complained:\n" + "\n".join(problems)


@pytest.fixture
def sign_in(context: BrowserContext, live_server: Any, client: Any) -> Callable[[Any], None]:
    """Sign a user in on the test's browser without going through the form."""

    def do(user: Any) -> None:
        client.force_login(user)
        cookie = client.cookies["sessionid"]
        context.add_cookies([{"name": "sessionid", "value": cookie.value, "url": live_server.url}])

    return do
