"""`manage.py redteam`: what gaming achieves on each metric, and on a token leaderboard."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from adoption.redteam.readings import GUARDRAILS, VALUES
from adoption.redteam.report import (
    AMOUNT,
    SEED,
    as_data,
    document,
    plain,
    rows,
    summary,
    try_all,
)


class Command(BaseCommand):
    help = "Try the attacks of the catalogue on a simulated organisation. Reads no database."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--seed", type=int, default=SEED, help="another organisation")
        parser.add_argument("--amount", type=int, default=AMOUNT, help="how hard, 1 to 20")
        parser.add_argument("--json", action="store_true", help="figures instead of a table")
        parser.add_argument("--docs", type=Path, help="write the page of the documentation there")

    def handle(self, *args: Any, **options: Any) -> None:
        if not 1 <= options["amount"] <= 20:
            raise CommandError("--amount is a whole number from 1 to 20.")
        outcomes = try_all(options["seed"], options["amount"])
        if options["docs"]:
            options["docs"].write_text(document(outcomes), encoding="utf-8")
        elif options["json"]:
            self.stdout.write(json.dumps(as_data(outcomes), indent=2))
        else:
            self.stdout.write(plain(rows(outcomes, (*VALUES, *GUARDRAILS))))
            self.stdout.write(summary(outcomes))
        if any(each.unexpected for each in outcomes):
            raise CommandError("An attack made a value better that it was not known to move.")
