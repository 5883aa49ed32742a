"""A folder for the heads, and events to seal."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from portal.audit.context import Channel, acting
from portal.choices import ImportKind
from portal.models import Connection, User

AT = dt.datetime(2026, 11, 2, 9, 30, tzinfo=dt.UTC)


@pytest.fixture
def heads_dir(settings: Any, tmp_path: Path) -> Path:
    """Where this test's heads go."""
    settings.AUDIT_HEADS_DIR = tmp_path / "heads"
    return tmp_path / "heads"


@pytest.fixture
def write_events() -> Callable[[int], None]:
    """Cause so many events: connections added and renamed, people with personal values."""
    made = 0

    def write(count: int) -> None:
        nonlocal made
        for _ in range(count):
            made += 1
            with acting(
                channel=Channel.PAGE,
                user_id=made % 3 + 1,
                name=f"Person {made % 3}",
                request_id=f"r-{made}",
                reason="x" * (made % 4),
            ):
                if made % 4 == 0:
                    User.objects.create(username=f"u{made}", full_name=f"U. {made}")
                elif made % 4 == 3:
                    Connection.objects.filter(slug=f"c{made - 1}").update(name=f"n{made}")
                else:
                    Connection.objects.create(
                        slug=f"c{made}",
                        name=f"C {made}",
                        source="focus",
                        kind=ImportKind.COSTS,
                        created_at=AT,
                    )

    return write
