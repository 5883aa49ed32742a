"""`manage.py create_person`: the first people of an installation without an identity provider."""

from __future__ import annotations

import json
import secrets
from argparse import ArgumentParser
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from portal.audit.context import because
from portal.choices import Role
from portal.models import User
from portal.services.people import create_person

PASSWORD_BYTES = 18  # 24 characters
WHY = "Made at the command line"


class Command(BaseCommand):
    help = (
        "Make a local account, with roles if wanted. Its password is printed once on stdout; the "
        "person changes it under My account. Roles of people who are there are asked for and "
        "approved in the portal."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("username", help="sign-in name")
        parser.add_argument("--name", required=True, help="full name, as pages show it")
        parser.add_argument("--email", default="", help="where notices go")
        parser.add_argument(
            "--role",
            action="append",
            default=[],
            choices=Role.values,
            help="may be repeated; counts for approving at once",
        )
        parser.add_argument("--reason", default=WHY, help="kept in the audit")
        parser.add_argument("--json", action="store_true", help="one JSON document on stdout")

    def handle(self, *args: Any, **options: Any) -> None:
        username = options["username"]
        if User.objects.filter(username__iexact=username).exists():
            raise CommandError(f"username: somebody signs in as {username!r} already.")
        roles = sorted({Role(each) for each in options["role"]})
        password = secrets.token_urlsafe(PASSWORD_BYTES)
        because(options["reason"])
        try:
            user = create_person(
                username=username,
                full_name=options["name"],
                email=options["email"],
                password=password,
                roles=roles,
                at=timezone.now(),
            )
        except ValidationError as error:
            raise CommandError(_told(error)) from None
        if options["json"]:
            document = {"username": user.username, "password": password, "roles": roles}
            self.stdout.write(json.dumps(document))
            return
        held = ", ".join(role.label for role in roles) or "no role"
        self.stderr.write(f"{user} signs in as {user.username}: {held}. Password, shown this once:")
        self.stdout.write(password)


def _told(error: ValidationError) -> str:
    """What is wrong, a line for each field."""
    if not hasattr(error, "error_dict"):
        return "\n".join(error.messages)
    return "\n".join(f"{name}: {' '.join(said)}" for name, said in error.message_dict.items())
