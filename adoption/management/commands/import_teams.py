"""`manage.py import_teams PATH`: teams and who belongs to them, from a CSV file."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from adoption.services.team_import import TeamListRefusedError, apply_team_list, plan_team_list
from adoption.team_files import read_team_file


class Command(BaseCommand):
    help = "Import teams and memberships from CSV. Exit 0 only when they were taken."
    requires_migrations_checks = True

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("path", type=Path, metavar="PATH")
        parser.add_argument(
            "--dry-run", action="store_true", help="say what would change and change nothing"
        )
        parser.add_argument("--json", action="store_true", help="one JSON document on stdout")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            said = read_team_file(options["path"].read_bytes())
        except OSError as error:
            raise CommandError(f"{options['path']} cannot be read: {error.strerror}.") from error
        now = timezone.now()
        plan = plan_team_list(said=said, origin="file", on=now.date())
        if not plan.problems and not options["dry_run"]:
            try:
                plan = apply_team_list(said=said, origin="file", on=now.date(), actor=None, at=now)
            except TeamListRefusedError as error:
                plan.problems = error.problems
        status = "refused" if plan.problems else "checked" if options["dry_run"] else "applied"
        if options["json"]:
            self.stdout.write(json.dumps({"status": status, **plan.as_document()}, indent=2))
        else:
            for step in plan.steps:
                self.stdout.write(f"{step}.")
            self.stdout.write(f"{len(plan.steps)} changes, {plan.unchanged} unchanged: {status}.")
        for problem in plan.problems:
            self.stderr.write(str(problem))
        if plan.problems:
            raise CommandError("Nothing was taken.", returncode=2)
