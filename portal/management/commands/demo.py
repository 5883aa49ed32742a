"""`manage.py demo`: a believable programme, built through the real import and service code."""

from __future__ import annotations

import json
import logging
import tempfile
from argparse import ArgumentParser
from datetime import date
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from portal.demo import PASSWORD, DemoContext, demo_steps
from portal.models import User

MONTHS = 14


class Command(BaseCommand):
    help = "Migrate and build the demo programme. Running it again changes nothing."
    requires_migrations_checks = False

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="one JSON document on stdout")

    def handle(self, *args: Any, **options: Any) -> None:
        if settings.IS_PRODUCTION:
            raise CommandError(
                "PLUMBLINE_ENV is production: the demo has public passwords and is refused."
            )
        # Every service logs what it writes; hundreds of such lines would hide the logins.
        logging.getLogger().setLevel(logging.WARNING)
        call_command("migrate", verbosity=0, interactive=False)
        logins = self._build()
        url = f"http://127.0.0.1:{settings.ENVIRONMENT.plumbline_port}/"
        if options["json"]:
            document = {
                "url": url,
                "password": PASSWORD,
                "logins": [{"username": name, "role": role} for name, role in logins],
            }
            self.stdout.write(json.dumps(document, indent=2))
            return
        self.stdout.write(f"\nPlumbline demo: {url}\n\n  Every password is: {PASSWORD}\n\n")
        for name, role in logins:
            self.stdout.write(f"  {name:<10} {role}\n")
        self.stdout.write("\n")

    def _build(self) -> list[tuple[str, str]]:
        with tempfile.TemporaryDirectory(prefix="plumbline-demo-") as spool:
            context = DemoContext(
                now=timezone.now(),
                first_month=_months_before(timezone.now().date(), MONTHS),
                spool=Path(spool),
                say=lambda text: self.stderr.write(f"demo: {text}"),
            )
            for step in sorted(demo_steps, key=lambda item: item.order):
                step.build(context)
        if not User.objects.exists():
            raise CommandError("The demo has no people: no room registered a step.")
        return context.logins


def _months_before(day: date, months: int) -> date:
    index = day.year * 12 + day.month - 1 - months
    return date(index // 12, index % 12 + 1, 1)
