"""`manage.py verify_audit`: whether the audit is whole."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import connection

from portal.audit.report import Report
from portal.audit.verify import verify_audit


class Command(BaseCommand):
    help = (
        "Check every event, seal, signature and head of the audit. Exit 0 only when all is whole."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="one JSON document on stdout")
        parser.add_argument(
            "--heads", type=Path, help="folder of the head file (default: PLUMBLINE_AUDIT_HEADS)"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        heads = options["heads"] or settings.AUDIT_HEADS_DIR
        if options["heads"] and not options["heads"].is_dir():
            raise CommandError(f"--heads: there is no folder {options['heads']}")
        report = verify_audit(connection, keys=settings.AUDIT_KEYS, heads_dir=heads)
        if options["json"]:
            self.stdout.write(json.dumps(report.as_document()))
        else:
            self._say(report)
        if not report.is_whole:
            raise CommandError(f"the audit is not whole; first: {report.first_bad}")

    def _say(self, report: Report) -> None:
        self.stdout.write(
            f"{report.events} events, {report.sealed} of them as sealed, {report.unsealed} newer "
            f"than the last seal; {report.seals} seals, {report.heads} heads outside the database; "
            f"{report.seconds:.1f} s"
        )
        for finding in sorted(report.findings)[:20]:
            self.stdout.write(f"  {finding}")
        if report.is_whole:
            self.stdout.write("The audit is whole.")
