"""What every test stands on. Services are started earlier, in `tests/plugins/realservices.py`."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.plugins.browser import (
    _allow_django_beside_playwright,
    browser_type_launch_args,
    page,
    page_guard,
    pytest_collection_modifyitems,
    sign_in,
    without_the_browsers_loop,
)
from tests.plugins.emptying import empty_quickly, problem_of_the_file, remember
from tests.plugins.migrating import Copies, copies, django_db_keepdb
from tests.plugins.workers import celery_worker_process

__all__ = [
    "_allow_django_beside_playwright",
    "browser_type_launch_args",
    "celery_worker_process",
    "copies",
    "django_db_keepdb",
    "page",
    "page_guard",
    "pytest_collection_modifyitems",
    "sign_in",
    "without_the_browsers_loop",
]

REPOSITORY = Path(__file__).resolve().parent.parent


def pytest_configure() -> None:
    from django.conf import settings

    empty_quickly()
    # Real hashing takes a quarter of a second for each user a test makes.
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    # What is remembered for some seconds is forgotten between tests and never within one: on a busy
    # machine a page would need a query more when it is looked at again.
    from portal.shell import freshness
    from portal.signin import break_glass

    freshness.CACHE_SECONDS = break_glass.CACHE_SECONDS = 3600


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: Any, copies: Copies | None) -> None:
    """A migrated database, as pytest-django makes it, whose schema is remembered."""
    from django.db import connection

    with django_db_blocker.unblock():
        if copies is not None:
            copies.keep()
        remember(connection)


@pytest.fixture(scope="module", autouse=True)
def _the_database_is_whole(
    request: pytest.FixtureRequest, django_db_blocker: Any
) -> Iterator[None]:
    """A damaged file is said where it was damaged, not by whichever test comes next."""
    yield
    from django.db import connection

    with django_db_blocker.unblock():
        problem = problem_of_the_file(connection)
    if problem:
        pytest.fail(f"after {request.node.nodeid} the database's file is damaged: {problem}")


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder with real data; the test is skipped, saying so, where it is not there."""
    folder = Path(
        os.environ.get("PLUMBLINE_SHARED_DATA") or REPOSITORY.parent / "shared" / "data"
    ).resolve()
    if not folder.is_dir():
        pytest.skip(f"no shared data in {folder}; PLUMBLINE_SHARED_DATA names another place")
    return folder


@pytest.fixture(autouse=True)
def _nobody_acts() -> Iterator[None]:
    """Who acted in one test, and why, is not who acts in the next."""
    from portal.audit.context import acting

    with acting():
        yield


@pytest.fixture(autouse=True)
def _clear_cache() -> None:
    """One process keeps its cache over all tests; an entry of one must not answer another."""
    from django.core.cache import cache

    from portal.tasks import silence

    cache.clear()
    silence.end()
