"""A world that the tests of a module share: made once, and taken away after the last of them."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from django.db import connection, transaction

from tests.plugins.emptying import empty

Made = TypeVar("Made")


@contextlib.contextmanager
def kept(blocker: Any, make: Callable[[], Made]) -> Iterator[Made]:
    """What `make` makes, for a fixture of a module; what a test does to it, it rolls back itself.

    Committed, because a temporary table that is made in an open transaction has SQLite read its
    whole schema after every savepoint. For modules without tests that commit: those would meet it,
    and take it away.

    Args:
        blocker: pytest-django's `django_db_blocker`.
    """
    with blocker.unblock():
        empty(connection)  # a test that commits may have left a name that this world wants
        try:
            with transaction.atomic():
                made = make()
                connection.run_on_commit = []  # nobody is told of it
            yield made
        finally:
            empty(connection)
