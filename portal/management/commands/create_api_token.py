"""`manage.py create_api_token`: a token for a program, printed once."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from datetime import timedelta
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from portal.models import User
from portal.scopes import api_scopes
from portal.services.api_tokens import create_api_token

DEFAULT_DAYS = 90


class Command(BaseCommand):
    help = (
        "Make an API token that acts as a person, within its scopes, until it expires. "
        "It is printed once on stdout and cannot be had again."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        known = ", ".join(scope.key for scope in api_scopes)
        parser.add_argument("--user", required=True, help="sign-in name of its owner")
        parser.add_argument("--name", required=True, help="what it is for")
        parser.add_argument(
            "--scope", action="append", required=True, help=f"give it several times; one of {known}"
        )
        parser.add_argument(
            "--days", type=int, default=DEFAULT_DAYS, help=f"how long it lives ({DEFAULT_DAYS})"
        )
        parser.add_argument(
            "--network",
            action="append",
            default=[],
            help="from where it may be used, for example 10.2.0.0/16; may be repeated",
        )
        parser.add_argument("--json", action="store_true", help="one JSON document on stdout")

    def handle(self, *args: Any, **options: Any) -> None:
        owner = User.objects.filter(username=options["user"]).first()
        if owner is None:
            raise CommandError(f"--user: nobody signs in as {options['user']!r}.")
        now = timezone.now()
        try:
            token, text = create_api_token(
                owner=owner,
                name=options["name"],
                scopes=options["scope"],
                expires_at=now + timedelta(days=max(0, min(options["days"], 10_000))),
                networks=options["network"],
                actor=None,
                at=now,
            )
        except ValidationError as error:
            raise CommandError("\n".join(error.messages)) from None
        if not options["json"]:
            self.stderr.write(
                f"{token.name} acts as {owner} until {token.expires_at:%Y-%m-%d %H:%M} UTC. "
                "It is shown this once:"
            )
            self.stdout.write(text)
            return
        document = {
            "token": text,
            "prefix": token.prefix,
            "owner": owner.username,
            "name": token.name,
            "scopes": token.scopes,
            "networks": token.networks,
            "expires_at": token.expires_at.isoformat(),
        }
        self.stdout.write(json.dumps(document, indent=2))
