"""Fetching whole files of a connection: what is new becomes one import run for each input.

An input that is not whole leaves nothing behind. Each one that is becomes a run of its own, so that
a fetch that ends halfway goes on where it was.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import structlog
from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet

from portal.choices import RunStatus, RunTrigger
from portal.credentials.resolve import credential_of
from portal.imports.contracts import ImportRefusedError
from portal.imports.fetching import PROBE_LIMITS, outbound_policy
from portal.imports.file_fetching import FetchedInput, FetchFiles, FileJob
from portal.imports.http import FetchLimits, OutboundClient
from portal.imports.registry import import_sources
from portal.models import Connection, ImportFile, User, WorkItem
from portal.services.imports import request_import
from portal.services.work import enqueue
from portal.work.registry import Work, WorkRefusedError

log = structlog.get_logger(__name__)
FILE_FETCH_KIND = "portal.fetch-files"
LIMITS = FetchLimits(total_seconds=200)  # files are larger than pages


def file_spec(connection: Connection) -> FetchFiles | None:
    """How the connection's files are fetched, when it says where they are."""
    if connection.source not in import_sources:
        return None
    spec = import_sources.get(connection.source).fetch_files
    return spec if spec is not None and spec.is_configured(connection.config) else None


def request_due_file_fetches(*, at: datetime) -> list[WorkItem]:
    """Queue a look at the files of every active connection that says where they are."""
    return [
        request_file_fetch(connection=connection, actor=None, at=at)
        for connection in Connection.objects.filter(is_active=True).order_by("pk")
        if file_spec(connection) is not None
    ]


def request_file_fetch(*, connection: Connection, actor: User | None, at: datetime) -> WorkItem:
    """Queue a look at one connection's files."""
    return enqueue(
        kind=FILE_FETCH_KIND,
        key=str(connection.pk),
        payload={"connection": connection.pk},
        actor=actor,
        at=at,
    )


def run_file_fetch(work: Work) -> None:
    """Fetch what is new and queue its runs; the body of the work kind. Harmless when repeated.

    Raises:
        WorkRefusedError: a person must act: address, credential or answer are refused.
        SourceUnavailableError: it is tried again.
    """
    connection = Connection.objects.get(pk=work.payload["connection"])
    spec = file_spec(connection)
    if spec is None or not connection.is_active:
        raise WorkRefusedError("This connection is switched off, or names no place to fetch from.")
    actor = WorkItem.objects.get(pk=work.item_id).requested_by
    try:
        with _job(connection, spec) as job:
            for number, item in enumerate(spec.fetch(job), 1):
                with transaction.atomic():
                    work.fence()
                _request(connection, item, actor=actor, at=work.at)
                work.report(number, None, item.key)
                for path in item.files:
                    path.unlink()
    except ImportRefusedError as error:
        raise WorkRefusedError(str(error)) from error


def _request(
    connection: Connection, item: FetchedInput, *, actor: User | None, at: datetime
) -> None:
    run = request_import(
        connection=connection,
        inputs=item.files,
        trigger=RunTrigger.SCHEDULE,
        actor=actor,
        at=at,
    )
    log.info("fetched_files", connection=connection.slug, run=run.pk, input=item.key)


@contextmanager
def _job(
    connection: Connection, spec: FetchFiles, *, limits: FetchLimits = LIMITS
) -> Iterator[FileJob]:
    need = import_sources.get(connection.source).credential
    settings.LANDING_DIR.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory(dir=settings.LANDING_DIR, prefix="fetching-") as folder,
        OutboundClient(
            origins=[spec.origin(connection.config)], policy=outbound_policy(), limits=limits
        ) as client,
    ):
        yield FileJob(
            config=connection.config,
            client=client,
            secret=credential_of(connection) if need is not None else None,
            folder=Path(folder),
            max_bytes=settings.IMPORT_MAX_BYTES,
            is_known=lambda key: _known(connection).filter(name=key).exists(),
            taken=lambda start: _taken(connection, start),
        )


def _known(connection: Connection) -> QuerySet[ImportFile]:
    """The first file of every input that a run has. A fault of ours or of the network is tried
    again."""
    runs = ImportFile.objects.filter(run__connection=connection, index=0)
    return runs.exclude(run__status=RunStatus.FAILED)


def _taken(connection: Connection, start: str) -> list[str]:
    newest = _known(connection).filter(name__startswith=start).order_by("-run_id").first()
    if newest is None:
        return []
    files = ImportFile.objects.filter(run_id=newest.run_id).order_by("index")
    return list(files.values_list("name", flat=True))


def probe_files(*, connection: Connection) -> None:
    """Ask with the connection's address and credential, within seconds; nothing is stored.

    Raises:
        ImportRefusedError, SourceUnavailableError: what is wrong, as a sentence.
    """
    spec = file_spec(connection)
    if spec is None:
        raise ImportRefusedError("not_fetched", "this connection names no place to fetch from")
    with _job(connection, spec, limits=PROBE_LIMITS) as job:
        spec.probe(job)
