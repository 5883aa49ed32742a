"""The world of the access tests, made once a module, and somebody who asks."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import pytest
import time_machine
from django.db import connection, transaction
from django.test import override_settings

from tests.access.asking import Asker
from tests.access.world import World, build_world
from tests.adoption.factories import NOW
from tests.plugins.emptying import empty


@contextlib.contextmanager
def _undone() -> Iterator[None]:
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


def _made() -> World:
    """The world; nothing that waits for a commit is told of it."""
    with transaction.atomic():
        made = build_world()
        connection.run_on_commit = []
    return made


@pytest.fixture(scope="module")
def world(
    django_db_setup: None,
    django_db_blocker: Any,
    without_the_browsers_loop: None,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[World]:
    """Made once, and taken back at the end; what a test does to it, it rolls back by itself."""
    # Heads outlive the database on purpose, and the next world is another history.
    heads = override_settings(AUDIT_HEADS_DIR=tmp_path_factory.mktemp("heads"))
    with django_db_blocker.unblock(), time_machine.travel(NOW, tick=True), _undone(), heads:
        yield _made()


@pytest.fixture(scope="module")
def asker(world: World) -> Asker:
    return Asker(world)
