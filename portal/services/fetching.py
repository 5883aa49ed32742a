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
from django.db.models import QuerySet
from pydantic import SecretStr

from portal.choices import RunStatus, RunTrigger
from portal.credentials.resolve import credential_of
from portal.imports.contracts import (
    FetchJob,
    FetchSpec,
    ImportRefusedError,
    SourceUnavailableError,
)
from portal.imports.fetching import (
    PROBE_LIMITS,
    FetchWindow,
    asking,
    due_windows,
    following,
    split_days,
)
from portal.imports.outbound.errors import SourceBusyError
from portal.imports.registry import import_sources
from portal.models import Connection, ImportRun, User, WorkItem
from portal.services.imports import Upload, request_import
from portal.services.work import enqueue
from portal.work.registry import Work, WorkLaterError, WorkRefusedError

log = structlog.get_logger(__name__)
FETCH_KIND = "portal.fetch-connection"
AGAIN_AFTER = timedelta(hours=20)  # a daily job that started late once does not slip away
FIRST_TIME = timedelta(days=90)  # before the connection was made, unless it names a first day
UNSETTLED_AFTER = timedelta(hours=4)  # providers that say how far they are refresh that often
NOT_FETCHED = "This connection is switched off, or its source is not fetched."
_BROUGHT = (RunStatus.APPLIED, RunStatus.HELD, RunStatus.SUPERSEDED)


def fetch_spec(connection: Connection) -> FetchSpec | None:
    """How the connection's source is fetched, when it is at all."""
    known = connection.source in import_sources
    spec = import_sources.get(connection.source).fetch if known else None
    return spec.suited(connection.config) if spec is not None else None


def request_due_fetches(*, at: datetime) -> list[WorkItem]:
    """Queue what is due of every active connection whose source is fetched."""
    asked: list[WorkItem] = []
    for connection in Connection.objects.filter(is_active=True).order_by("pk"):
        spec = fetch_spec(connection)
        if spec is None or not _is_due(connection, at):
            continue
        first = _first_day(connection, spec, at.date())
        windows = due_windows(
            spec, first=first, fetched_to=_fetched_to(connection, first), today=at.date()
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


def request_fetch_of_days(
    *, connection: Connection, start: date, end: date, actor: User | None, at: datetime
) -> list[WorkItem]:
    """Queue a fetch of any whole UTC days before today, in windows that workers may take side by
    side. `end` is exclusive.

    Raises:
        WorkRefusedError: the connection is switched off or not fetched, or there is no whole day.
    """
    spec = fetch_spec(connection)
    if spec is None or not connection.is_active:
        raise WorkRefusedError(NOT_FETCHED)
    last = at.date() - timedelta(days=spec.settles_days)
    windows = split_days(start, min(end, last))
    if not windows:
        raise WorkRefusedError(f"There is no whole day from {start} on that ends before {last}.")
    return [request_fetch(connection=connection, window=w, actor=actor, at=at) for w in windows]


def _first_day(connection: Connection, spec: FetchSpec, today: date) -> date:
    """The first day that is wanted and that the provider still knows."""
    text = connection.config.get("fetch_from")
    first = date.fromisoformat(text) if text else connection.created_at.date() - FIRST_TIME
    return max(first, today - timedelta(days=spec.history_days)) if spec.history_days else first


def _fetched(connection: Connection) -> QuerySet[ImportRun]:
    return ImportRun.objects.filter(connection=connection, trigger=RunTrigger.SCHEDULE)


def _is_due(connection: Connection, at: datetime) -> bool:
    """Unless the schedule has brought something of late; what a person asked for does not count."""
    lately = _fetched(connection).filter(requested_at__gt=at - AGAIN_AFTER)
    return not lately.filter(requested_by__isnull=True).exists()


def _fetched_to(connection: Connection, first: date) -> date | None:
    """The end of what has been brought since the first day, without a gap.

    Windows are fetched side by side, so a later one may be there when an earlier one failed: what
    lies behind the gap does not count. What waits for a person is there; what was refused or failed
    has brought nothing. None when the first day is not there yet.
    """
    brought = _fetched(connection).filter(status__in=_BROUGHT, window_end__isnull=False)
    reach = first
    for start, end in brought.order_by("window_start").values_list("window_start", "window_end"):
        if start is None or end is None or start > reach:
            break
        reach = max(reach, end)
    return reach if reach > first else None


def run_fetch(work: Work) -> None:
    """Fetch one window and queue its import run; the body of the work kind.

    Raises:
        WorkRefusedError: a person must act: address, credential or answer are refused.
        WorkLaterError: it may go well later.
    """
    connection = Connection.objects.get(pk=work.payload["connection"])
    spec = fetch_spec(connection)
    if spec is None or not connection.is_active:
        raise WorkRefusedError(NOT_FETCHED)
    window = FetchWindow(
        date.fromisoformat(work.payload["start"]), date.fromisoformat(work.payload["end"])
    )
    settings.LANDING_DIR.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=settings.LANDING_DIR) as spool:
        whole_to = _fetch_whole(connection, spec, window, spool, today=work.at.date())
        end = min(window.end, whole_to) if whole_to is not None else window.end
        if end <= window.start:
            raise WorkLaterError(
                f"The provider has no complete day from {window.start} on yet.",
                after=UNSETTLED_AFTER.total_seconds(),
                costs_attempt=False,
            )
        spool.seek(0)
        with transaction.atomic():
            work.fence()
            run = request_import(
                connection=connection,
                inputs=[Upload(f"{connection.slug}-{window.start}-{end}.jsonl", spool)],
                trigger=RunTrigger.SCHEDULE,
                at=work.at,
                actor=WorkItem.objects.get(pk=work.item_id).requested_by,
                window_start=window.start,
                window_end=end,
            )
    log.info("fetched", connection=connection.slug, run=run.pk, start=str(window.start))


def _fetch_whole(
    connection: Connection, spec: FetchSpec, window: FetchWindow, spool: BinaryIO, *, today: date
) -> date | None:
    """Every page into the spool; returns the day before which they are complete, when told."""
    try:
        memory = spec.memory(connection.pk) if spec.memory is not None else None
        with asking(spec, connection.config, _secret(connection), spool, memory=memory) as ask:
            follow = following(spec, connection.config, spool)
            return spec.fetch(
                FetchJob(connection.config, window.start, window.end, ask, today, follow)
            )
    except ImportRefusedError as error:
        raise WorkRefusedError(str(error)) from error
    except SourceBusyError as error:
        raise WorkLaterError(str(error), after=error.retry_after, costs_attempt=False) from error
    except SourceUnavailableError as error:
        raise WorkLaterError(str(error)) from error


def _secret(connection: Connection) -> SecretStr | None:
    need = import_sources.get(connection.source).credential
    return credential_of(connection) if need is not None else None


def probe_connection(*, connection: Connection, at: datetime) -> None:
    """Make one small request with the connection's address and credential, within seconds.

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
        asking(spec, connection.config, _secret(connection), spool, limits=PROBE_LIMITS) as ask,
    ):
        spec.probe(FetchJob(connection.config, yesterday, at.date(), ask, at.date()))
