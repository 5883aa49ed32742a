"""Kinds of work for these tests, and items in any state."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from portal.models import WorkItem
from portal.services.work import enqueue
from tests.imports import START
from tests.plugins.work_kinds import effects

__all__ = ["effects"]

Ask = Callable[..., WorkItem]


@pytest.fixture
def ask(db: None) -> Ask:
    """Enqueue an item of a test kind; each call asks for another key unless told."""
    number = iter(range(1_000_000))

    def ask_for(kind: str = "test.whole", *, key: str | None = None, **payload: Any) -> WorkItem:
        return enqueue(
            kind=kind,
            key=f"k{next(number)}" if key is None else key,
            payload=payload,
            actor=None,
            at=START,
        )

    return ask_for


def state(item: WorkItem) -> tuple[str, int]:
    """Status and attempts as the database has them."""
    item.refresh_from_db()
    return str(item.status), item.attempt


def after(seconds: float) -> Any:
    return START + timedelta(seconds=seconds)
