"""Sources and follow-ups that the rooms register with the import engine."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from django.core.checks import CheckMessage, Error
from pydantic import BaseModel

from portal.choices import ImportKind, Role
from portal.credentials.needs import CredentialNeed
from portal.imports.contracts import FetchSpec, LandedFile, Note, Source
from portal.imports.file_fetching import FetchFiles
from portal.models import ImportRun
from portal.registry import Registry
from portal.work.registry import Work, WorkKind, work_kinds

Totals = dict[str, dict[str, Decimal]]  # unit (a currency) → measure → exact sum


@dataclass
class Plan:
    """What applying a run would do, worked out inside the lock and before anything is written."""

    inserted: int = 0
    updated: int = 0
    unchanged: int = 0
    superseded: int = 0
    totals_in: Totals = field(default_factory=dict)
    totals_stored: Totals = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)
    hold_reasons: list[str] = field(default_factory=list)
    # Said on the run, also what is found while applying; they stop nothing.
    notes: list[Note] = field(default_factory=list)
    overtaken_by: int | None = None  # a newer run that has already written what this one would


class Store(Protocol):
    """Where the records of one run go. Made for one run, used by one thread.

    `stage` may be called outside a transaction and must not touch live data; `plan` and `apply`
    are called inside one transaction, with the connection's lock held.
    """

    def open(self) -> None: ...

    def stage(self, records: Sequence[Any]) -> int:
        """Take records; returns how many lie in the run's window and were taken."""
        ...

    def plan(self) -> Plan: ...

    def apply(self, plan: Plan, *, at: datetime) -> None: ...

    def close(self) -> None: ...


class NoConfig(BaseModel):
    """Configuration of a source that needs none."""


class SameContent(Protocol):
    """See `ImportSource.is_same_content`."""

    def __call__(
        self, before: Sequence[LandedFile], now: Sequence[LandedFile], *, rows: int
    ) -> bool: ...


@dataclass(frozen=True)
class ImportSource:
    """A source that can be imported from.

    Attributes:
        key: the source's name (`--source`).
        label: what a person reads.
        kind: costs or deliveries.
        source: the reader.
        make_store: makes the store for one run.
        config_model: pydantic model of the connection's `config`.
        accept: file endings for the upload form.
        summary: one sentence on what to give it.
        collect: turns paths that a person named into files to land (a folder, a repository).
        credential: the secret that fetching needs; None when nothing is fetched with one.
        fetch: how it is fetched; None when files are all there is.
        fetch_files: how whole files are fetched from an object store, likewise.
        names_people: its files have logins or addresses of people in them; they are removed after
            `PLUMBLINE_PEOPLE_FILES_DAYS`.
        make_context: what the source must know besides its files and cannot look up, being pure
            (price plans), as JSON values. Part of what makes two inputs the same.
    """

    key: str
    label: str
    kind: ImportKind
    source: Source
    make_store: Callable[[ImportRun], Store]
    config_model: type[BaseModel]
    accept: str
    summary: str
    collect: Callable[[Sequence[Path], Path], list[Path]]
    credential: CredentialNeed | None = None
    fetch: FetchSpec | None = None
    fetch_files: FetchFiles | None = None
    make_context: Callable[[ImportRun], Mapping[str, Any]] | None = None
    names_people: bool = False
    is_same_content: SameContent | None = None


def _check_source(item: ImportSource) -> list[CheckMessage]:
    problems: list[CheckMessage] = []
    if item.source.key != item.key:
        problems.append(
            Error(
                f"import source {item.key!r} wraps a reader called {item.source.key!r}",
                id="portal.E101",
            )
        )
    if not item.source.parser_version:
        problems.append(
            Error(f"import source {item.key!r} has no parser version", id="portal.E102")
        )
    try:
        item.config_model()
    except ValueError as error:
        problems.append(
            Error(
                f"import source {item.key!r} cannot be configured by defaults: {error}",
                id="portal.E103",
            )
        )
    addresses = item.credential.address_fields if item.credential is not None else ()
    problems += [
        Error(
            f"import source {item.key!r} names the address field {name!r}, which its "
            "configuration does not have",
            id="portal.E104",
        )
        for name in addresses
        if name not in item.config_model.model_fields
    ]
    return problems


import_sources: Registry[ImportSource] = Registry("import source", _check_source)


@dataclass(frozen=True)
class FollowUp:
    """Work that follows an applied import: another room's figures that rest on what came in.

    It is queued in the transaction that closes the run, so that a crash right after loses nothing.
    `run(import_run, at)` must be repeatable. Where it does not look at the run (`is_per_run=False`)
    one execution stands for several imports.
    """

    key: str
    kinds: frozenset[ImportKind]
    run: Callable[[ImportRun, datetime], None]
    label: str
    roles: frozenset[Role] = frozenset()
    is_per_run: bool = True

    @property
    def work_kind(self) -> str:
        """The kind of work by which it is queued."""
        return f"follow-up:{self.key}"


class FollowUpRegistry(Registry[FollowUp]):
    """Follow-ups by key. Each brings a kind of work of its own."""

    def register(self, item: FollowUp) -> FollowUp:
        super().register(item)
        if item.work_kind not in work_kinds:
            work_kinds.register(
                WorkKind(
                    key=item.work_kind,
                    label=item.label,
                    run=partial(_follow_up, item.key),
                    is_atomic=False,
                    roles=item.roles,
                )
            )
        return item


def _follow_up(key: str, work: Work) -> None:
    run = ImportRun.objects.select_related("connection").get(pk=work.payload["run"])
    follow_ups.get(key).run(run, work.at)


follow_ups = FollowUpRegistry("import follow-up")


@dataclass(frozen=True)
class NameEraser:
    """How a room forgets names that came with imports: `erase(names, replaced)` puts pseudonyms in
    their place by `replaced(text, names)`, and returns how many rows it changed."""

    key: str
    erase: Callable[[Collection[str], Callable[[str, Collection[str]], str]], int]


name_erasers: Registry[NameEraser] = Registry("eraser of names")


@dataclass(frozen=True)
class Window:
    """A half-open range of UTC days; None is open-ended."""

    start: date | None = None
    end: date | None = None

    def contains(self, day: date) -> bool:
        return (self.start is None or self.start <= day) and (self.end is None or day < self.end)
