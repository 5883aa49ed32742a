"""One story, served by a real web server; tests only look at it, so all of them share it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.browser.server import Site, running_site


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The served story."""
    with running_site(tmp_path_factory.mktemp("site")) as site:
        yield site
