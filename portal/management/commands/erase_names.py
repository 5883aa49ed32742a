"""`manage.py erase_names`: a person's names out of what providers sent."""

from __future__ import annotations

import dataclasses
import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from portal.services.people_files import NothingSaidError, erase_names


class Command(BaseCommand):
    help = (
        "Erase a person by the names that providers use: imported files that hold one are removed, "
        "rows of the quarantine emptied, principals of cost lines replaced. Harmless to repeat."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("names", nargs="+", help="address, login, user id, as providers write")
        parser.add_argument("--reason", required=True, help="kept in the audit; no name is")
        parser.add_argument("--json", action="store_true", help="one JSON document on stdout")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            found = erase_names(names=options["names"], reason=options["reason"], at=timezone.now())
        except NothingSaidError as error:
            raise CommandError(str(error), returncode=2) from error
        if options["json"]:
            self.stdout.write(json.dumps(dataclasses.asdict(found)))
            return
        self.stderr.write(
            f"{found.files} files removed, {found.rows} rows of the quarantine emptied, "
            f"{found.records} records with a pseudonym. {found.unread} files cannot be searched "
            "(Parquet, or damaged); they are removed when they are old."
        )
