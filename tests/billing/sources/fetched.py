"""Connections to the fake provider, fetched as the schedule does it, and what came of it."""

from __future__ import annotations

import io
import itertools
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import pytest
from pydantic import SecretStr

from billing.models import Charge
from portal.choices import RunTrigger
from portal.imports import fetching
from portal.imports.contracts import FetchJob
from portal.imports.fetching import FetchWindow
from portal.imports.http import FetchLimits, OutboundClient
from portal.imports.runner import execute_run
from portal.models import Connection, ImportRun, WorkItem
from portal.services.connections import create_connection
from portal.services.credentials import CredentialChange
from portal.services.fetching import fetch_spec, request_fetch, run_fetch
from portal.services.imports import Upload, request_import
from portal.work.registry import Work, WorkLaterError, WorkRefusedError
from tests.billing.sources.fake_provider import FakeProvider, Spend, in_process
from tests.billing.sources.providers import Provided
from tests.imports import START, Clock
from tests.portal.imports.outbound.faults import LOOPBACK

NO_BRAKES = {"hold_jump_percent": 10_000, "hold_jump_floor": 10**9}
# Long enough for an answer on a busy machine: one that is given up is asked for again, and the
# fault that it was to show is not met.
QUICK = FetchLimits(
    connect_seconds=5, idle_seconds=1.0, total_seconds=3.0, attempts=4, all_waits_seconds=30
)
_numbers = itertools.count(1)


def allow_loopback(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Let the portal fetch from this machine, without waiting; returns how long it would have."""
    slept: list[float] = []

    def client(**given: Any) -> OutboundClient:
        return OutboundClient(**given | {"limits": QUICK, "sleep": slept.append})

    monkeypatch.setattr(fetching, "OutboundClient", client)
    monkeypatch.setattr(fetching, "outbound_policy", lambda: LOOPBACK)
    return slept


def connect(
    provided: Provided, address: str = "https://provider.example", **config: Any
) -> Connection:
    """A connection to a provider at an address, with its credential, without brakes."""
    return create_connection(
        slug=f"{provided.name}-{next(_numbers)}",
        source=provided.source,
        config={
            **NO_BRAKES,
            **provided.config,
            "base_url": f"{address}{provided.path}",
            **config,
        },
        at=START,
        credential=CredentialChange(secret=SecretStr(provided.secret)),
    )


def fetch_days(
    connection: Connection, start: date, end: date, *, days_later: int = 0
) -> ImportRun | str:
    """Fetch one window as a worker does on the day that follows it, so that it is the newest one,
    or some days later, and import it; the problem when it was not whole."""
    at = datetime.combine(end, time(6), UTC) + timedelta(days=days_later)
    item = request_fetch(connection=connection, window=FetchWindow(start, end), actor=None, at=at)
    last = ImportRun.objects.order_by("-pk").values_list("pk", flat=True).first() or 0
    try:
        run_fetch(work_of(item, at))
    except (WorkLaterError, WorkRefusedError) as error:
        assert not ImportRun.objects.filter(pk__gt=last).exists()
        return str(error)
    return execute_run(ImportRun.objects.latest("pk").pk, clock=Clock())


def work_of(item: WorkItem, at: datetime = START) -> Work:
    """An attempt at an item."""
    return Work(
        item_id=item.pk,
        key=item.key,
        payload=item.payload,
        attempt=1,
        at=at,
        clock=lambda: at,
    )


def spooled(connection: Connection, provider: FakeProvider, start: date, end: date) -> list[bytes]:
    """What a fetch of these days would land, a page a line, without a network."""
    spec = fetch_spec(connection)
    assert spec is not None
    prefix = "/v1" if connection.source == "openai" else ""
    ask, spool = in_process(provider, prefix)
    spec.fetch(FetchJob(connection.config, start, end, ask))
    return spool


def import_pages(
    connection: Connection, *files: Iterable[bytes], window: Sequence[date] | None = None
) -> ImportRun:
    """Import pages, given as the lines of each file."""
    run = request_import(
        connection=connection,
        inputs=[
            Upload(f"pages-{number}.jsonl", io.BytesIO(b"".join(lines)))
            for number, lines in enumerate(files)
        ],
        trigger=RunTrigger.UPLOAD,
        at=START,
        window_start=window[0] if window else None,
        window_end=window[1] if window else None,
    )
    return execute_run(run.pk, clock=Clock())


def stored(connection: Connection) -> Counter[tuple[date, int]]:
    """Day and billed nano-units of every line that holds now."""
    rows = Charge.objects.filter(slice__connection=connection, superseded_at__isnull=True)
    return Counter(rows.values_list("day", "billed_nano"))


def truth(spent: Iterable[Spend]) -> Counter[tuple[date, int]]:
    """The same of what was spent."""
    return Counter((each.day, int(each.amount * 10**9)) for each in spent)


def total(spent: Iterable[Spend]) -> Decimal:
    """Its exact sum."""
    return sum((each.amount for each in spent), Decimal(0))
