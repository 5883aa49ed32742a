"""`manage.py document_metrics FOLDER`: write a page of the documentation for each metric."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from adoption.metric_pages import pages_of
from adoption.metrics.registry import metrics


class Command(BaseCommand):
    help = "Write docs/metrics anew from the definitions: a page for each metric, and their index."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("folder", type=Path, help="such as docs/metrics; pages go when gone")
        parser.add_argument("--json", action="store_true", help="one JSON document on stdout")

    def handle(self, *args: Any, **options: Any) -> None:
        folder: Path = options["folder"]
        if folder.exists() and not folder.is_dir():
            raise CommandError(f"{folder} is no folder")
        folder.mkdir(parents=True, exist_ok=True)
        pages = pages_of(metrics)
        gone = [path for path in sorted(folder.glob("*.md")) if path.name not in pages]
        for path in gone:
            path.unlink()
        for name, text in pages.items():
            (folder / name).write_text(text, encoding="utf-8")
        if options["json"]:
            document = {"written": sorted(pages), "removed": [path.name for path in gone]}
            self.stdout.write(json.dumps(document))
        else:
            self.stdout.write(f"{len(pages)} pages in {folder}, {len(gone)} removed")
