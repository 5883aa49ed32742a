"""The frame of the import commands: arguments, progress bar, JSON document, exit code."""

from __future__ import annotations

import gc
import json
import sys
import tempfile
from argparse import ArgumentParser
from collections.abc import Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.db import InterfaceError, OperationalError
from django.utils import timezone
from tqdm import tqdm

from portal.choices import ImportKind, RunPhase, RunStatus, RunTrigger
from portal.imports.contracts import ImportRefusedError
from portal.imports.registry import import_sources
from portal.imports.runner import execute_run
from portal.models import Connection, ImportRun
from portal.registry import NotRegisteredError
from portal.services.connections import ConnectionConfigError, create_connection
from portal.services.imports import follow_up, request_import
from portal.work.hints import withheld

# What a shell script can tell apart; 0 is success and nothing else.
EXIT_CODES = {
    RunStatus.APPLIED: 0,
    RunStatus.CHECKED: 0,
    RunStatus.REFUSED: 2,
    RunStatus.HELD: 3,
    RunStatus.SUPERSEDED: 4,
}


class ImportCommand(BaseCommand):
    """Imports files through a connection. Rooms subclass it and say which kind they bring."""

    kind: ImportKind
    requires_migrations_checks = True

    def add_arguments(self, parser: ArgumentParser) -> None:
        sources = sorted(item.key for item in import_sources if item.kind == self.kind)
        parser.add_argument("--source", required=True, choices=sources)
        parser.add_argument("--connection", required=True, help="slug of the connection")
        parser.add_argument("paths", nargs="*", type=Path, metavar="PATH")
        parser.add_argument(
            "--create-connection",
            action="store_true",
            help="create the connection with defaults if it does not exist",
        )
        parser.add_argument(
            "--since", type=_day, help="first UTC day that the input covers completely"
        )
        parser.add_argument("--until", type=_day, help="first UTC day that it does not cover")
        parser.add_argument(
            "--dry-run", action="store_true", help="say what would change and change nothing"
        )
        parser.add_argument("--json", action="store_true", help="one JSON document on stdout")

    def config_from_options(self, options: dict[str, Any]) -> dict[str, Any]:
        """Configuration that the command line sets on the connection."""
        return {}

    def document(self, run: ImportRun) -> dict[str, Any]:
        """The JSON document of a finished run."""
        raise CommandError("an import command must say what it prints")

    def check_migrations(self) -> None:
        """Django's warning goes to stdout, which belongs to the document."""
        stdout, self.stdout = self.stdout, self.stderr
        try:
            super().check_migrations()
        finally:
            self.stdout = stdout

    def run_from_argv(self, argv: list[str]) -> None:
        # What is loaded by now lives as long as the process. Where a large file loads DuckDB, which
        # ends silently only after a last search for cycles, that need not go through all of Django.
        gc.freeze()
        super().run_from_argv(argv)

    def handle(self, *args: Any, **options: Any) -> None:
        started = timezone.now()
        connection = self._connection(options, started)
        try:
            run = self._import(connection, options, started)
        except ImportRefusedError as error:
            raise CommandError(str(error), returncode=2) from error
        self._report(run, as_json=options["json"])

    def _import(
        self, connection: Connection, options: dict[str, Any], started: datetime
    ) -> ImportRun:
        spec = import_sources.get(connection.source)
        with tempfile.TemporaryDirectory(prefix="plumbline-") as spool:
            run = request_import(
                connection=connection,
                inputs=spec.collect(options["paths"], Path(spool)),
                trigger=RunTrigger.COMMAND,
                at=started,
                window_start=options["since"],
                window_end=options["until"],
                is_dry_run=options["dry_run"],
            )
        quiet = options["json"] or not sys.stderr.isatty()
        with tqdm(desc="Reading", unit=" rows", file=sys.stderr, disable=quiet) as bar:

            def show(phase: RunPhase, rows: int) -> None:
                bar.set_description(RunPhase(phase).label)
                bar.update(rows - bar.n)

            try:
                with withheld():  # what follows is done right here
                    run = execute_run(run.pk, clock=timezone.now, on_progress=show)
            except (OperationalError, InterfaceError, OSError) as error:
                failed = "disk" if isinstance(error, OSError) else "database"
                raise CommandError(
                    f"The {failed} failed: {error}. Run {run.pk} stays open: a worker takes it up "
                    "again within two minutes, or give the same command again."
                ) from error
        follow_up(run=run, at=timezone.now())
        return run

    def _connection(self, options: dict[str, Any], at: datetime) -> Connection:
        slug, source = options["connection"], options["source"]
        config = self.config_from_options(options)
        known = Connection.objects.filter(slug=slug).first()
        if known is None and not options["create_connection"]:
            raise CommandError(
                f"There is no connection {slug!r}. Add --create-connection to make it with "
                "defaults, or configure it in the portal under Imports."
            )
        try:
            if known is None:
                return create_connection(slug=slug, source=source, config=config, at=at)
        except (ConnectionConfigError, NotRegisteredError) as error:
            raise CommandError(str(error)) from error
        except ValidationError as error:
            raise CommandError("; ".join(error.messages)) from error
        if known.source != source:
            raise CommandError(
                f"The connection {slug!r} is one of source {known.source!r}, not {source!r}."
            )
        if not known.is_active:
            raise CommandError(f"The connection {slug!r} is switched off.")
        if config and {**known.config, **config} != known.config:
            known.config = {**known.config, **config}
            known.save(update_fields=["config"])
        return known

    def _report(self, run: ImportRun, *, as_json: bool) -> None:
        if as_json:
            self.stdout.write(json.dumps(self.document(run), indent=2))
        else:
            self.stdout.write(self._sentence(run))
        for code, message in run.notes:
            self.stderr.write(f"note: {message} [{code}]")
        exit_code = EXIT_CODES.get(RunStatus(run.status), 1)
        if exit_code:
            reason = run.problem or run.held_reason
            raise CommandError(
                f"Run {run.pk} is {run.get_status_display().lower()}. {reason}",
                returncode=exit_code,
            )

    def _sentence(self, run: ImportRun) -> str:
        return (
            f"Run {run.pk}: {run.get_status_display().lower()}. Read {run.read}: "
            f"{run.inserted} inserted, {run.updated} updated, {run.unchanged} unchanged, "
            f"{run.rejected} rejected; {run.superseded} superseded."
        )


def _day(text: str) -> date:
    return datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC).date()


def run_document(run: ImportRun, counts: Sequence[str]) -> dict[str, Any]:
    """The part of the document that every kind of import has."""
    return {
        "run": run.pk,
        "status": run.status,
        **{name: getattr(run, name) for name in counts},
        "held_reason": run.held_reason or None,
        "problem": run.problem or None,
    }
