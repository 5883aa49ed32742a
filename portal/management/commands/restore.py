"""`manage.py restore FILE`: put back what `backup` took, and compare."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from portal.backup.command import figures, progress
from portal.backup.manifest import BackupError
from portal.backup.restoring import check_backup, restore_backup


class Command(BaseCommand):
    help = (
        "Restore a backup: checked before anything is touched, put in place in one transaction, "
        "counted and compared. Refused for another engine, another version, a damaged file, and "
        "for a portal that holds data unless --replace is given. Stop the portal first."
    )
    requires_migrations_checks = False

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path, help="what `backup` made")
        parser.add_argument(
            "--replace", action="store_true", help="replace the data that this portal holds"
        )
        parser.add_argument(
            "--check", action="store_true", help="check the file whole and restore nothing"
        )
        parser.add_argument("--json", action="store_true", help="one JSON document on stdout")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            with progress(quiet=options["json"]) as show:
                if options["check"]:
                    manifest = check_backup(path=options["file"], on_progress=show)
                    document: dict[str, Any] = {"restored": False}
                else:
                    done = restore_backup(
                        path=options["file"], replace=options["replace"], on_progress=show
                    )
                    manifest = done.manifest
                    document = {
                        "restored": True,
                        "files_added": done.files_added,
                        "seconds": round(done.seconds, 3),
                    }
        except BackupError as error:
            raise CommandError(str(error), returncode=2) from error
        document |= figures(manifest)
        if options["json"]:
            self.stdout.write(json.dumps(document, indent=2))
            return
        did = "restored and found the same" if document["restored"] else "whole and fit to restore"
        self.stdout.write(
            f"{options['file']}: {did}: {document['rows']:,} rows of {document['tables']} tables, "
            f"{document['files']:,} imported files."
        )
        if document["restored"]:
            self.stdout.write("Everybody signs in again. Open work is sent again when work starts.")
