"""`manage.py publish_snapshot`: freezes, signs and chains what is served now."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from adoption.metrics.snapshot import UnrepeatableValueError, signed_file
from adoption.services.snapshot_heads import SnapshotHeadMismatchError, note_restore
from adoption.services.snapshots import publish_snapshot
from portal.keys import MissingKeyError


class Command(BaseCommand):
    help = (
        "Publish a snapshot of all approved and certified metric values: canonical JSON, signed, "
        "chained to the one before. Nothing is published when nothing has changed."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="one JSON document on stdout")
        parser.add_argument(
            "--even-if-unchanged", action="store_true", help="publish although nothing is new"
        )
        parser.add_argument(
            "--after-restore",
            metavar="REASON",
            help="note in the file of heads that the database was put back on purpose, and why",
        )
        parser.add_argument("--out", type=Path, metavar="FILE", help="write the signed file there")

    def handle(self, *args: Any, **options: Any) -> None:
        now = timezone.now()
        given_up = None
        try:
            if options["after_restore"] is not None:
                if not options["after_restore"].strip():
                    raise CommandError("--after-restore: say why the database was put back")
                given_up = note_restore(reason=options["after_restore"].strip(), at=now)
            found = publish_snapshot(at=now, even_if_unchanged=options["even_if_unchanged"])
            row = found.snapshot
            if options["out"]:
                options["out"].write_bytes(signed_file(row.document, row.sha256, row.signature))
        except (
            SnapshotHeadMismatchError, UnrepeatableValueError, MissingKeyError, OSError,
        ) as error:  # fmt: skip
            raise CommandError(str(error)) from error
        if options["json"]:
            document = {
                "number": row.number,
                "new": found.is_new,
                "sha256": row.sha256,
                "previous_sha256": row.previous_sha256 or None,
                "values": row.value_count,
                "dashboards": row.dashboard_count,
                "public_key": row.public_key,
                "heads_given_up": given_up,
            }
            self.stdout.write(json.dumps(document))
            return
        what = "Published" if found.is_new else "Nothing has changed since"
        self.stdout.write(
            f"{what} snapshot {row.number}: {row.value_count} values, sha256 {row.sha256}"
        )
