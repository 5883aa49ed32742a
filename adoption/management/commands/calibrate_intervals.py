"""`manage.py calibrate_intervals`: hold every method against simulated roll-outs, and keep it."""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from tqdm import tqdm

from adoption.services.calibration import store_calibration
from adoption.validation.calibration import calibrate, stories


class Command(BaseCommand):
    help = (
        "Simulate roll-outs of nothing and of real effects for each method, and store how often "
        "intervals held the truth. The page “How intervals did” shows the newest run."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--runs", type=int, default=500, help="roll-outs of each story")
        parser.add_argument(
            "--method",
            action="append",
            choices=sorted({story.method for story in stories()}),
            help="only this method; may be given several times",
        )
        parser.add_argument("--seed", type=int, default=20261128)
        parser.add_argument("--json", action="store_true", help="one JSON document on stdout")

    def handle(self, *args: Any, **options: Any) -> None:
        if not 20 <= options["runs"] <= 100_000:
            raise CommandError("--runs is a number from 20 to 100,000")
        wanted = options["method"]
        told = [story for story in stories() if not wanted or story.method in wanted]
        tallies = [
            calibrate(story, runs=options["runs"], seed=options["seed"])
            for story in tqdm(told, unit="story", disable=not sys.stderr.isatty())
        ]
        store_calibration(tallies=tallies, seed=options["seed"], at=timezone.now())
        if options["json"]:
            document = {"seed": options["seed"], "stories": [asdict(each) for each in tallies]}
            self.stdout.write(json.dumps(document, indent=2))
            return
        for each in tallies:
            self.stdout.write(
                f"{each.method}, {each.story}: held {each.covered}, false supported "
                f"{each.false_supported}, without the protocol {each.false_without_protocol}, "
                f"of {each.runs}"
            )
