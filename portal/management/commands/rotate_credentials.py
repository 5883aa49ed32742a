"""`manage.py rotate_credentials`: encrypt stored credentials with the newest key."""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from tqdm import tqdm

from portal.keys import MissingKeyError
from portal.services.chats import rotate_chat_addresses
from portal.services.credentials import credentials_to_rotate, rotate_credentials
from portal.services.webhooks import rotate_webhook_secrets


class Command(BaseCommand):
    help = (
        "Encrypt every stored credential, webhook secret and chat address with the newest key of "
        "PLUMBLINE_CREDENTIAL_KEYS. It may be stopped and begun again, and runs beside a working "
        "portal. Once nothing is left, the older keys can go. Exit code 1 when one cannot be "
        "read; that one stays as it is."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="one JSON document on stdout")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            ids = credentials_to_rotate()
        except MissingKeyError as error:
            raise CommandError(f"{error}, so nothing is stored encrypted.") from None
        rotated, failed = 0, []
        for each in tqdm(
            rotate_credentials(ids=ids),
            total=len(ids),
            unit="credential",
            disable=options["json"] or not sys.stderr.isatty(),
        ):
            if each.problem:
                failed.append({"connection": each.connection, "problem": each.problem})
                self.stderr.write(f"{each.connection}: {each.problem}")
            else:
                rotated += 1
        for problem in rotate_webhook_secrets():
            failed.append({"webhook": problem.partition(": ")[0], "problem": problem})
            self.stderr.write(f"webhook {problem}")
        for problem in rotate_chat_addresses():
            failed.append({"chat": problem.partition(": ")[0], "problem": problem})
            self.stderr.write(problem)
        newest = settings.CREDENTIAL_KEYS.newest
        document = {"key": newest, "rotated": rotated, "left": len(failed), "failed": failed}
        if options["json"]:
            self.stdout.write(json.dumps(document, indent=2))
        else:
            self.stdout.write(f"{rotated} encrypted with key {newest}; {len(failed)} left.")
        if failed:
            raise SystemExit(1)
