"""`manage.py backup TARGET`: database and imported files in one file that can be checked."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from portal.backup.command import figures, progress
from portal.backup.making import make_backup
from portal.backup.manifest import BackupError


class Command(BaseCommand):
    help = (
        "Back up the database and the imported files, while the portal runs, to one file. It holds "
        "no secrets and no sessions; keep PLUMBLINE_SECRET_KEY and the other keys apart from it."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "target",
            type=Path,
            help="a file that is not there yet, or a folder for one named by now",
        )
        parser.add_argument(
            "--accept-missing",
            action="store_true",
            help="go on when imported files are not in the landing directory any more",
        )
        parser.add_argument("--json", action="store_true", help="one JSON document on stdout")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            with progress(quiet=options["json"]) as show:
                made = make_backup(
                    target=options["target"],
                    at=timezone.now(),
                    accept_missing=options["accept_missing"],
                    on_progress=show,
                )
        except BackupError as error:
            raise CommandError(str(error)) from error
        except OSError as error:
            raise CommandError(f"The backup was not made: {error}.") from error
        document = {"path": str(made.path), "bytes": made.size, "seconds": round(made.seconds, 3)}
        document |= figures(made.manifest)
        if options["json"]:
            self.stdout.write(json.dumps(document, indent=2))
            return
        self.stdout.write(
            f"{made.path}: {document['rows']:,} rows of {document['tables']} tables and "
            f"{document['files']:,} imported files, {made.size:,} bytes, in {made.seconds:.1f} s."
        )
        for note in made.manifest.not_inside:
            self.stdout.write(f"  Not inside. {note}")
