"""Fetching connections: which are due, one fetch whole into a file, and the run that takes it.

A fetch that does not end whole leaves nothing behind: no file, no run, and so nothing is ever
withdrawn on the word of half an answer.
"""

from __future__ import annotations

import tempfile
from datetime import date, datetime, timedelta
from typing import BinaryIO

import structlog
from django.conf import settings
from django.db import transaction
from django.db.models import Max, QuerySet
from pydantic import SecretStr

from portal.choices import RunStatus, RunTrigger
from portal.credentials.resolve import credential_of
from portal.imports.contracts import FetchJob, FetchSpec, ImportRefusedError
from portal.imports.fetching import FetchWindow, asking, due_windows
from portal.imports.registry import import_sources
from portal.models import Connection, ImportRun, User, WorkItem
from portal.services.imports import Upload, request_import
from portal.services.work import enqueue
from portal.work.registry import Work, WorkRefusedError

log = structlog.get_logger(__name__)
FETCH_KIND = "portal.fetch-connection"
AGAIN_AFTER = timedelta(hours=20)  # a daily job that started late once does not slip away


def fetch_spec(connection: Connection) -> FetchSpec | None:
    """How the connection's source is fetched, when it is at all."""
    known = connection.source in import_sources
    return import_sources.get(connection.source).fetch if known else None


def request_due_fetches(*, at: datetime) -> list[WorkItem]:
    """Queue what is due of every active connection whose source is fetched."""
    asked: list[WorkItem] = []
    for connection in Connection.objects.filter(is_active=True).order_by("pk"):
        spec = fetch_spec(connection)
        if spec is None or not _is_due(connection, at):
            continue
        windows = due_windows(
            spec, first=_first_day(connection), fetched_to=_fetched_to(connection), today=at.date()
        )
        asked += [
            request_fetch(connection=connection, window=w, actor=None, at=at) for w in windows
        ]
    return asked


def request_fetch(
    *, connection: Connection, window: FetchWindow, actor: User | None, at: datetime
) -> WorkItem:
    """Queue one fetch of whole UTC days."""
    days = (window.start.isoformat(), window.end.isoformat())
    return enqueue(
        kind=FETCH_KIND,
        key=f"{connection.pk}:{days[0]}:{days[1]}",
        payload={"connection": connection.pk, "start": days[0], "end": days[1]},
        actor=actor,
        at=at,
    )


def _first_day(connection: Connection) -> date | None:
    text = connection.config.get("fetch_from")
    return date.fromisoformat(text) if text else None


def _fetched(connection: Connection) -> QuerySet[ImportRun]:
    return ImportRun.objects.filter(connection=connection, trigger=RunTrigger.SCHEDULE)


def _is_due(connection: Connection, at: datetime) -> bool:
    return not _fetched(connection).filter(requested_at__gt=at - AGAIN_AFTER).exists()


def _fetched_to(connection: Connection) -> date | None:
    """The end of what was taken: a refused or failed run has brought nothing."""
    applied = _fetched(connection).filter(status=RunStatus.APPLIED)
    newest: date | None = applied.aggregate(newest=Max("window_end"))["newest"]
    return newest


def run_fetch(work: Work) -> None:
    """Fetch one window and queue its import run; the body of the work kind.

    Raises:
        WorkRefusedError: a person must act: address, credential or answer are refused.
        SourceUnavailableError: it is tried again.
    """
    connection = Connection.objects.get(pk=work.payload["connection"])
    spec = fetch_spec(connection)
    if spec is None or not connection.is_active:
        raise WorkRefusedError("This connection is switched off, or its source is not fetched.")
    window = FetchWindow(
        date.fromisoformat(work.payload["start"]), date.fromisoformat(work.payload["end"])
    )
    settings.LANDING_DIR.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=settings.LANDING_DIR) as spool:
        try:
            _ask_all(connection, spec, window, spool, today=work.at.date())
        except ImportRefusedError as error:
            raise WorkRefusedError(str(error)) from error
        spool.seek(0)
        with transaction.atomic():
            work.fence()
            run = request_import(
                connection=connection,
                inputs=[Upload(f"{connection.slug}-{window.start}-{window.end}.jsonl", spool)],
                trigger=RunTrigger.SCHEDULE,
                at=work.at,
                window_start=window.start,
                window_end=window.end,
            )
    log.info("fetched", connection=connection.slug, run=run.pk, start=str(window.start))


def _ask_all(
    connection: Connection, spec: FetchSpec, window: FetchWindow, spool: BinaryIO, *, today: date
) -> None:
    with asking(spec, connection.config, _secret(connection), spool) as ask:
        spec.fetch(FetchJob(connection.config, window.start, window.end, ask, today))


def _secret(connection: Connection) -> SecretStr | None:
    need = import_sources.get(connection.source).credential
    return credential_of(connection) if need is not None else None


def probe_connection(*, connection: Connection, at: datetime) -> None:
    """Make one small request with the connection's address and credential.

    Raises:
        ImportRefusedError, SourceUnavailableError: what is wrong, as a sentence; nothing is stored
            either way.
    """
    spec = fetch_spec(connection)
    if spec is None:
        raise ImportRefusedError("not_fetched", "this source takes files and is not fetched")
    yesterday = at.date() - timedelta(days=1)
    with (
        tempfile.TemporaryFile() as spool,
        asking(spec, connection.config, _secret(connection), spool) as ask,
    ):
        spec.probe(FetchJob(connection.config, yesterday, at.date(), ask, at.date()))
