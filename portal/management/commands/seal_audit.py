"""`manage.py seal_audit`: seals what is new and writes the heads outside the database."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from portal.audit.heads import HeadMismatchError
from portal.selectors.audit import audit_head
from portal.services.audit import accept_restore, seal_audit


class Command(BaseCommand):
    help = "Seal the events that are not sealed yet. Runs by itself every few minutes."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="one JSON document on stdout")
        parser.add_argument(
            "--even-if-empty", action="store_true", help="make a seal although nothing is new"
        )
        parser.add_argument(
            "--after-restore",
            metavar="REASON",
            help="note in the head file that the database was put back on purpose, and why",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        now = timezone.now()
        given_up = None
        try:
            if options["after_restore"] is not None:
                given_up = accept_restore(reason=options["after_restore"], at=now)
            made = seal_audit(at=now, even_if_empty=options["even_if_empty"])
        except (HeadMismatchError, ValueError, OSError) as error:
            raise CommandError(str(error)) from error
        head = audit_head()
        if options["json"]:
            document = {
                "seals": made.seals,
                "events": made.events,
                "waiting": made.is_waiting,
                "heads_given_up": given_up,
                "head": {"count": head.count, "seal": head.seal, "hash": head.hash},
            }
            self.stdout.write(json.dumps(document))
        else:
            self.stdout.write(f"{made.events} events sealed in {made.seals} seals.")
        if made.is_waiting:
            raise CommandError("a transaction that writes did not end in time; try again later")
