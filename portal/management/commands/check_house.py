"""`check_house`: system checks, migrations, guards, audit triggers and import contracts."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from portal.house import inspect_house


class Command(BaseCommand):
    help = "Check settings, registrations, migrations, guards, audit triggers and import contracts."
    requires_system_checks: list[str] = []  # they are one of the parts

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="one JSON document on stdout")

    def handle(self, *args: Any, **options: Any) -> None:
        findings = inspect_house()
        if options["json"]:
            document = {"parts": [dataclasses.asdict(finding) for finding in findings]}
            self.stdout.write(json.dumps(document))
        else:
            for finding in findings:
                self.stdout.write(f"{finding.outcome:8} {finding.part}")
                for line in finding.lines:
                    self.stdout.write(f"         {line}")
        failed = [finding.part for finding in findings if finding.outcome == "failed"]
        if failed:
            raise CommandError(f"not in order: {', '.join(failed)}")
