"""`manage.py break_glass_account`: for the day on which nothing else lets anybody in."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from portal.services.break_glass_account import BreakGlassKeys, make_break_glass_account
from portal.services.people import PersonRefusedError


class Command(BaseCommand):
    help = (
        "Make the one break-glass account, or give it new keys. Prints password, TOTP secret and "
        "recovery codes once: put them into a sealed envelope."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--username", default="break-glass")
        parser.add_argument("--json", action="store_true", help="one JSON document on stdout")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            keys = make_break_glass_account(username=options["username"], at=timezone.now())
        except PersonRefusedError as error:
            raise CommandError(str(error)) from error
        if options["json"]:
            self.stdout.write(json.dumps(_document(keys)))
            return
        self.stdout.write(f"User name      {keys.username}")
        self.stdout.write(f"Password       {keys.password}")
        self.stdout.write(f"TOTP secret    {keys.totp_secret}")
        self.stdout.write(f"Recovery codes {' '.join(keys.recovery_codes)}")
        self.stderr.write("Shown once. Every sign-in with it is logged as an error and audited.")


def _document(keys: BreakGlassKeys) -> dict[str, Any]:
    return {
        "username": keys.username,
        "password": keys.password,
        "totp_secret": keys.totp_secret,
        "recovery_codes": list(keys.recovery_codes),
    }
