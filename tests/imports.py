"""Connections, files and runs for tests of importing, through the same services as everybody."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

from portal.choices import RejectionPolicy, Role, RunTrigger
from portal.imports.runner import execute_run
from portal.models import Connection, ImportRun, RoleGrant, User
from portal.services.connections import create_connection
from portal.services.imports import Upload, request_import
from tests.billing.sources.focus.focus_files import BASE_ROW, csv_bytes

START = datetime(2026, 11, 20, 12, tzinfo=UTC)


class Clock:
    """A clock that goes on by a second each time it is read."""

    def __init__(self, at: datetime = START) -> None:
        self.now = at

    def __call__(self) -> datetime:
        self.now += timedelta(seconds=1)
        return self.now


def make_person(name: str, *roles: Role) -> User:
    """A person who signs in as `name` and holds these roles."""
    person = User.objects.create_user(name, password="a long pass phrase", full_name=name.title())
    RoleGrant.objects.bulk_create(
        RoleGrant(user=person, role=role, granted_at=START) for role in roles
    )
    return person


def make_connection(
    slug: str = "cloud",
    *,
    policy: RejectionPolicy = RejectionPolicy.QUARANTINE,
    **config: Any,
) -> Connection:
    """A FOCUS connection. The jump brake is off unless a test sets it."""
    return create_connection(
        slug=slug,
        source="focus",
        config={"hold_jump_percent": 10_000, "hold_jump_floor": 10**9, **config},
        rejection_policy=policy,
        at=START,
    )


def line(day: int = 3, cost: str = "1.50", **changes: str) -> dict[str, str]:
    """One FOCUS row of a day of May 2026; effective cost is the billed one unless given."""
    return {
        **BASE_ROW,
        "ChargePeriodStart": f"2026-05-{day:02}T00:00:00Z",
        "ChargePeriodEnd": f"2026-05-{day:02}T23:59:59Z",
        "BilledCost": cost,
        "EffectiveCost": cost,
        **changes,
    }


def request(
    connection: Connection,
    *contents: bytes | Iterable[Mapping[str, str]],
    at: datetime = START,
    window: tuple[date | None, date | None] = (None, None),
    is_dry_run: bool = False,
) -> ImportRun:
    """Queue a run over files, given as bytes or as rows."""
    inputs = [
        Upload(
            f"part-{index}.csv",
            io.BytesIO(each if isinstance(each, bytes) else csv_bytes(each)),
        )
        for index, each in enumerate(contents)
    ]
    return request_import(
        connection=connection,
        inputs=inputs,
        trigger=RunTrigger.UPLOAD,
        at=at,
        window_start=window[0],
        window_end=window[1],
        is_dry_run=is_dry_run,
    )


def run_import(
    connection: Connection,
    *contents: bytes | Iterable[Mapping[str, str]],
    clock: Callable[[], datetime] | None = None,
    **options: Any,
) -> ImportRun:
    """Queue and execute a run."""
    run = request(connection, *contents, **options)
    return execute_run(run.pk, clock=clock or Clock())


def counts(run: ImportRun) -> dict[str, int]:
    """What the ledger says happened to the rows; zeros left out."""
    names = ("read", "inserted", "updated", "unchanged", "superseded", "rejected")
    return {name: value for name in names if (value := getattr(run, name))}
