"""The world of the access tests, made once a module, and somebody who asks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import time_machine
from django.db import transaction

from tests.access.asking import Asker
from tests.access.world import World, build_world
from tests.adoption.factories import NOW


@pytest.fixture(scope="module")
def world(
    django_db_setup: None, django_db_blocker: Any, without_the_browsers_loop: None
) -> Iterator[World]:
    """Made once, and rolled back at the end; what a test does to it, it rolls back by itself."""
    with (
        django_db_blocker.unblock(),
        time_machine.travel(NOW, tick=True),
        transaction.atomic(),
    ):
        yield build_world()
        transaction.set_rollback(True)


@pytest.fixture(scope="module")
def asker(world: World) -> Asker:
    return Asker(world)
