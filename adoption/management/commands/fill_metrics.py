"""`manage.py fill_metrics`: fill the values of metrics, whole windows only."""

from __future__ import annotations

import datetime as dt
import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from adoption.metrics.fill import FillResult, Step
from adoption.metrics.registry import computed_versions, metrics
from adoption.services.metric_filling import fill_metrics


class Command(BaseCommand):
    help = (
        "Fill the values of metrics for every window that is over. Safe to repeat, to kill and to "
        "run twice at once: only values whose inputs changed are written, earlier ones are kept."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--metric", action="append", metavar="KEY", help="only this metric; may be repeated"
        )
        parser.add_argument("--since", metavar="DAY", help="only windows from this day on")
        parser.add_argument("--until", metavar="DAY", help="only windows that end by this day")
        parser.add_argument("--json", action="store_true", help="one JSON document on stdout")

    def handle(self, *args: Any, **options: Any) -> None:
        keys = options["metric"]
        for key in keys or ():
            if key not in metrics or not computed_versions(metrics.get(key)):
                raise CommandError(f"--metric: {key!r} is not computed window by window.")
        since, until = _day("--since", options["since"]), _day("--until", options["until"])
        found: list[FillResult] = []
        wanted = keys or [metric.key for metric in metrics if computed_versions(metric)]
        for done, key in enumerate(wanted, start=1):
            found += fill_metrics(at=timezone.now(), keys=[key], since=since, until=until)
            if self.stderr.isatty():
                self.stderr.write(f"\r{done} of {len(wanted)} metrics", ending="")
        if options["json"]:
            document = {"metrics": [each.as_json() for each in found]}
            self.stdout.write(json.dumps(document, indent=2))
        else:
            for each in found:
                self.stdout.write(_as_text(each))
        problems = [each.problem for each in found if each.problem]
        if problems:
            raise CommandError(" ".join(problems))


def _as_text(result: FillResult) -> str:
    counts = ", ".join(
        f"{result.counts[step]} {step}" for step in Step if result.counts[step] or step is Step.ADD
    )
    until = f" until {result.until}" if result.until else ""
    problem = f" NOT FILLED: {result.problem}" if result.problem else ""
    return f"{result.key} {result.version}: {result.windows} windows{until}; {counts}{problem}"


def _day(option: str, text: str | None) -> dt.date | None:
    if not text:
        return None
    try:
        return dt.date.fromisoformat(text)
    except ValueError:
        raise CommandError(f"{option}: {text!r} is no day; expected 2026-11-20") from None
