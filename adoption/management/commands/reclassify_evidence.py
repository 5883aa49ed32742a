"""`manage.py reclassify_evidence`: read what is kept by the present rules of evidence."""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone
from tqdm import tqdm

from adoption.models import Reclassification
from adoption.services.reclassification import is_current, moved_counts, reclassify


class Command(BaseCommand):
    help = (
        "Read the evidence of every change anew by the present rules. Corrections, labels and "
        "boxes stay as they are. Does nothing when that has been done, unless --again is given."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--again", action="store_true", help="also when it has been done")
        parser.add_argument("--json", action="store_true", help="one JSON document on stdout")

    def handle(self, *args: Any, **options: Any) -> None:
        run = None
        if options["again"] or not is_current():
            with tqdm(unit="change", disable=options["json"] or not sys.stderr.isatty()) as bar:

                def report(done: int, total: int | None = None, phase: str = "") -> None:
                    bar.total = total
                    bar.update(done - bar.n)

                run = reclassify(at=timezone.now(), report=report)
        self.stdout.write(self._json(run) if options["json"] else self._words(run))

    def _json(self, run: Reclassification | None) -> str:
        if run is None:
            return json.dumps({"done": False})
        return json.dumps(
            {
                "done": True,
                "rules": run.rules_version,
                "read": run.changes_read,
                "added": run.signs_added,
                "removed": run.signs_removed,
                "moved": run.changes_moved,
                "before": run.before,
                "after": run.after,
            }
        )

    def _words(self, run: Reclassification | None) -> str:
        if run is None:
            return "Everything was read by the present rules already."
        moved = ", ".join(f"{name} {count:+d}" for name, count in moved_counts(run).items())
        return (
            f"Rules {run.rules_version}: {run.changes_read} changes read, {run.signs_added} signs "
            f"added, {run.signs_removed} taken away. Changes by strength: {moved or 'as before'}."
        )
