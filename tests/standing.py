"""A world that all tests of a module share: made once, and taken back at its end.

For tests that only look, or whose own writes are rolled back, as those of `django_db` are. Not for
a module with a test of real transactions: emptying the database after it would take the world too.
"""

from __future__ import annotations

import contextlib
import datetime as dt
from collections.abc import Callable, Iterator
from typing import Any, Protocol, TypeVar

import pytest
import time_machine
from django.db import connection, transaction
from django.test import override_settings

from tests.plugins.emptying import empty

Made = TypeVar("Made")


class Stand(Protocol):
    """Makes a world by a function; at that moment, or now."""

    def __call__(self, make: Callable[[], Made], at: dt.datetime | None = None) -> Made: ...


@contextlib.contextmanager
def undone() -> Iterator[None]:
    """Whatever is written in here is taken back at the end.

    An import makes a temporary table. While the transaction that did so is open, SQLite reads its
    whole schema anew after every savepoint, 20 ms each; so there the world is committed, and the
    database emptied as after any test that commits.
    """
    if connection.vendor != "sqlite":
        with transaction.atomic():
            yield
            transaction.set_rollback(True)
        return
    # A test with real transactions may have left something whose name the world wants.
    empty(connection)
    try:
        yield
    finally:
        empty(connection)


@pytest.fixture(scope="module")
def standing(
    django_db_setup: None,
    django_db_blocker: Any,
    without_the_browsers_loop: None,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Stand]:
    """Makes a world; nothing that waits for a commit is told of it."""

    def stand(make: Callable[[], Made], at: dt.datetime | None = None) -> Made:
        clock = time_machine.travel(at, tick=False) if at else contextlib.nullcontext()
        with clock, transaction.atomic():
            made = make()
            connection.run_on_commit = []
        return made

    # Heads outlive the database on purpose, and the next world is another history.
    heads = override_settings(AUDIT_HEADS_DIR=tmp_path_factory.mktemp("heads"))
    with django_db_blocker.unblock(), undone(), heads:
        yield stand
