"""Connections whose files lie in the object store of these tests, fetched as a worker does it."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import SecretStr

from portal.choices import RunStatus
from portal.imports.contracts import SourceUnavailableError
from portal.imports.http import OutboundClient
from portal.imports.runner import execute_run
from portal.models import Connection, ImportRun
from portal.services import file_fetching
from portal.services.connections import create_connection
from portal.services.file_fetching import request_file_fetch, run_file_fetch
from portal.work.registry import WorkRefusedError
from tests.billing.sources.fake_s3 import BUCKET, KEY_ID, REGION, SECRET, FakeS3
from tests.billing.sources.fetched import NO_BRAKES, QUICK, work_of
from tests.imports import START, Clock
from tests.portal.imports.outbound.faults import LOOPBACK


def reach_buckets(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the portal fetch from stores on this machine, with their key and without waiting."""
    secret = SecretStr(f"{KEY_ID}:{SECRET}")

    def client(**given: Any) -> OutboundClient:
        return OutboundClient(**given | {"limits": QUICK, "sleep": lambda _: None})

    monkeypatch.setattr(file_fetching, "OutboundClient", client)
    monkeypatch.setattr(file_fetching, "outbound_policy", lambda: LOOPBACK)
    monkeypatch.setattr(file_fetching, "credential_of", lambda connection: secret)


def connect(source: str, bucket: FakeS3, **config: Any) -> Connection:
    """A connection of this source to the store, without brakes."""
    where = {"bucket": BUCKET, "region": REGION, "endpoint": bucket.origin}
    return create_connection(
        slug=source, source=source, config={**NO_BRAKES, **where, **config}, at=START
    )


def look(connection: Connection, clock: Clock) -> str:
    """One look at the bucket and the runs that came of it; the problem where there was one."""
    last = ImportRun.objects.order_by("-pk").values_list("pk", flat=True).first() or 0
    problem = ""
    try:
        run_file_fetch(work_of(request_file_fetch(connection=connection, actor=None, at=START)))
    except (SourceUnavailableError, WorkRefusedError) as error:
        problem = str(error)
        assert problem
    for pk in ImportRun.objects.filter(pk__gt=last).order_by("pk").values_list("pk", flat=True):
        run = execute_run(pk, clock=clock)
        assert run.status in (RunStatus.APPLIED, RunStatus.SUPERSEDED), run.problem
    return problem
