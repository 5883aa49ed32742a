"""The world of the access tests, made once a module, and somebody who asks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import time_machine
from django.db import connection, transaction
from django.test import override_settings

from tests.access.asking import Asker
from tests.access.world import World, build_world
from tests.adoption.factories import NOW
from tests.standing import undone


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
    with django_db_blocker.unblock(), time_machine.travel(NOW, tick=True), undone(), heads:
        yield _made()


@pytest.fixture(scope="module")
def asker(world: World) -> Asker:
    return Asker(world)
