"""`manage.py allocate`: work out again which use case each charge belongs to."""

from __future__ import annotations

import datetime as dt
import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from billing.services.allocation_rules import allocate_range
from portal.shell.periods import BadPeriodError, Month


class Command(BaseCommand):
    help = (
        "Allocate imported charges anew by the live rules. Without --from and --to everything. "
        "Safe to repeat: the same rules give the same result."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--from", dest="start", help="first day (UTC) or month")
        parser.add_argument("--to", dest="end", help="last day (UTC) or month, included")
        parser.add_argument("--json", action="store_true", help="one JSON document on stdout")

    def handle(self, *args: Any, **options: Any) -> None:
        start = _bound(options["start"], is_last=False)
        end = _bound(options["end"], is_last=True)
        if start is not None and end is not None and end <= start:
            raise CommandError("--to must not be before --from")
        counts = allocate_range(start=start, end=end, at=timezone.now())
        total = sum(counts.values())
        if options["json"]:
            document = {"charges": total, "connections": counts}
            self.stdout.write(json.dumps(document, indent=2))
            return
        for slug, count in counts.items():
            self.stdout.write(f"{slug}: {count:,} charges allocated")
        if not counts:
            self.stdout.write("There are no charges in that range.")


def _bound(text: str | None, *, is_last: bool) -> dt.date | None:
    """A day or a month as the half-open bound that it means."""
    if not text:
        return None
    try:
        month = Month.parse(text)
    except BadPeriodError:
        pass
    else:
        return month.end if is_last else month.start
    try:
        day = dt.date.fromisoformat(text)
    except ValueError:
        raise CommandError(f"{text!r} is neither a day nor a month; expected 2026-11-20") from None
    return day + dt.timedelta(days=1) if is_last else day
