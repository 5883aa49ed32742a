"""Importing through the engine for any source of costs, and comparing what is stored."""

from __future__ import annotations

import gzip
import io
from collections.abc import Mapping
from datetime import date
from typing import Any

from billing.models import Charge, Usage
from portal.choices import RunTrigger
from portal.imports.runner import execute_run
from portal.models import Connection, ImportRun
from portal.services.connections import create_connection
from portal.services.imports import Upload, request_import
from tests.imports import START, Clock

Files = Mapping[str, bytes]


def connect(source: str, slug: str = "", **config: Any) -> Connection:
    """A connection of a source, with the brake on jumps off."""
    return create_connection(
        slug=slug or source,
        source=source,
        config={"hold_jump_percent": 10_000, "hold_jump_floor": 10**9, **config},
        at=START,
    )


def bring(
    connection: Connection, files: Files, *, window: tuple[date | None, date | None] = (None, None)
) -> ImportRun:
    """One run over files by name."""
    run = request_import(
        connection=connection,
        inputs=[Upload(name, io.BytesIO(content)) for name, content in files.items()],
        trigger=RunTrigger.UPLOAD,
        at=START,
        window_start=window[0],
        window_end=window[1],
    )
    return execute_run(run.pk, clock=Clock())


def gzipped(files: Files) -> Files:
    """The same files, packed."""
    return {f"{name}.gz": gzip.compress(content) for name, content in files.items()}


def stored() -> tuple[list[tuple[Any, ...]], list[tuple[Any, ...]]]:
    """Live cost lines and quantities, without what only says where they came from."""
    charges = Charge.objects.filter(superseded_at__isnull=True).values_list(
        "day", "identity", "content", "cost_basis", "currency", "billed_nano", "effective_nano"
    )
    usage = Usage.objects.filter(superseded_at__isnull=True).values_list(
        "day", "identity", "quantity_micro"
    )
    return sorted(charges, key=str), sorted(usage, key=str)
