"""`manage.py import_teams PATH`: teams and who belongs to them, from a CSV file or a provider."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from adoption.services.provider_teams import fetch_members, take_members
from adoption.services.team_import import (
    TeamListRefusedError,
    TeamPlan,
    apply_team_list,
    plan_team_list,
)
from adoption.team_files import read_team_file
from portal.imports.contracts import ImportRefusedError, SourceUnavailableError
from portal.models import Connection


class Command(BaseCommand):
    help = "Import teams and members from CSV or a connection. Exit 0 only when taken."
    requires_migrations_checks = True

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("path", type=Path, metavar="PATH", nargs="?", help="a CSV file")
        parser.add_argument(
            "--connection", help="read the teams that this GitHub or GitLab connection names"
        )
        parser.add_argument(
            "--dry-run", action="store_true", help="say what would change and change nothing"
        )
        parser.add_argument("--json", action="store_true", help="one JSON document on stdout")

    def handle(self, *args: Any, **options: Any) -> None:
        if (options["path"] is None) == (options["connection"] is None):
            raise CommandError("Give a file, or --connection with the short name of one.")
        try:
            plan = self._of_connection(options) if options["connection"] else self._of_file(options)
        except TeamListRefusedError as error:
            plan = TeamPlan(problems=error.problems)
        except (ImportRefusedError, SourceUnavailableError) as error:
            raise CommandError(str(error)) from error
        self._report(plan, options)

    def _of_file(self, options: dict[str, Any]) -> TeamPlan:
        try:
            said = read_team_file(options["path"].read_bytes())
        except OSError as error:
            raise CommandError(f"{options['path']} cannot be read: {error.strerror}.") from error
        now = timezone.now()
        if options["dry_run"]:
            return plan_team_list(said=said, origin="file", on=now.date())
        return apply_team_list(said=said, origin="file", on=now.date(), actor=None, at=now)

    def _of_connection(self, options: dict[str, Any]) -> TeamPlan:
        connection = Connection.objects.filter(slug=options["connection"], is_active=True).first()
        if connection is None:
            raise CommandError(f"There is no active connection {options['connection']!r}.")
        return take_members(
            connection=connection,
            members=fetch_members(connection),
            actor=None,
            at=timezone.now(),
            is_dry=options["dry_run"],
        )

    def _report(self, plan: TeamPlan, options: dict[str, Any]) -> None:
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
