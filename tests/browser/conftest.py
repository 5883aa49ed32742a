"""One story, served by a real web server; tests only look at it, so all of them share it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.browser.server import Site, copy_of_story, running_site


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Iterator[Site]:
    """The served story: told once a run, served by each process that looks at it."""
    own = tmp_path_factory.getbasetemp()
    common = own if worker_id == "master" else own.parent
    var = own / "site"
    with running_site(var, copy_of_story(var, common / "story")) as site:
        yield site
