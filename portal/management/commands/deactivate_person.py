"""`manage.py deactivate_person`: for the script of the personnel department."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from portal.audit.context import because
from portal.models import User
from portal.services.people import PersonRefusedError, deactivate_person


class Command(BaseCommand):
    help = "Cut a leaver off at once: sign-in, sessions, API tokens and roles. Harmless to repeat."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("username", help="sign-in name, or the e-mail address if it is unique")
        parser.add_argument("--reason", required=True, help="kept in the audit")
        parser.add_argument("--json", action="store_true", help="one JSON document on stdout")

    def handle(self, *args: Any, **options: Any) -> None:
        user = _find(options["username"])
        was_active = user.is_active
        because(options["reason"])
        try:
            deactivate_person(user=user, reason=options["reason"], at=timezone.now())
        except PersonRefusedError as error:
            raise CommandError(str(error)) from error
        if options["json"]:
            document = {"username": user.username, "was_active": was_active, "is_active": False}
            self.stdout.write(json.dumps(document))
        else:
            self.stderr.write(f"{user.username} is deactivated.")


def _find(name: str) -> User:
    found = list(User.objects.filter(username=name)[:2])
    if not found and "@" in name:
        found = list(User.objects.filter(email__iexact=name)[:2])
    if len(found) != 1:
        said = "nobody" if not found else "several people"
        raise CommandError(f"{name}: {said} of that sign-in name or e-mail address.", returncode=2)
    return found[0]
