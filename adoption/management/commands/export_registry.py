"""`manage.py export_registry`: use cases as a file that other inventories read."""

from __future__ import annotations

import json
import os
import tempfile
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from adoption.choices import RiskTier
from adoption.inventories import annex
from adoption.inventories.writing import FORMS, registry_text
from adoption.models import Programme, UseCase
from adoption.selectors.inventories import inventory_records


class Command(BaseCommand):
    help = (
        "Export use cases in the OMB form (CSV), as Annex VIII (JSON, high risk only) or in our "
        "own JSON. The file appears whole or not at all."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("path", type=Path, metavar="PATH")
        parser.add_argument("--format", choices=FORMS, required=True)
        parser.add_argument("--programme", help="slug of one programme; default: all")
        parser.add_argument("--json", action="store_true", help="one JSON document on stdout")

    def handle(self, *args: Any, **options: Any) -> None:
        rows = UseCase.objects.all()
        if options["programme"]:
            if not Programme.objects.filter(slug=options["programme"]).exists():
                raise CommandError(f"--programme: there is no programme {options['programme']!r}.")
            rows = rows.filter(programme__slug=options["programme"])
        if options["format"] == annex.FORM:
            rows = rows.filter(risk_tier=RiskTier.HIGH)
        records = list(inventory_records(rows))
        path: Path = options["path"]
        try:
            _write_whole(path, "".join(registry_text(records, options["format"])))
        except OSError as error:
            raise CommandError(f"{path}: {error.strerror or error}") from None
        if options["json"]:
            document = {"path": str(path), "format": options["format"], "written": len(records)}
            self.stdout.write(json.dumps(document, ensure_ascii=False))
        else:
            self.stdout.write(f"{len(records)} use cases written to {path}.")


def _write_whole(path: Path, text: str) -> None:
    """Beside it first: a reader never meets half a file."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="") as stream:
            stream.write(text)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
