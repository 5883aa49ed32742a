"""`manage.py import_deliveries`: one import of changes and deployments."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from portal.choices import ImportKind
from portal.imports.command import ImportCommand, run_document
from portal.models import ImportRun

_FACTS = ("evidence", "ai_changes", "ai_changes_delivered", "reverts_resolved")


class Command(ImportCommand):
    help = "Import changes and deployments. Exit 0 only when they were applied."
    kind = ImportKind.DELIVERIES

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument(
            "--tags-are-production",
            action="store_true",
            help="say on the connection that each tag is a deployment to production",
        )

    def config_from_options(self, options: dict[str, Any]) -> dict[str, Any]:
        return {"tags_are_production": True} if options["tags_are_production"] else {}

    def document(self, run: ImportRun) -> dict[str, Any]:
        counts = ("inserted", "updated", "unchanged", "rejected")
        return {
            **run_document(run, counts),
            "read": run.facts.get("read", {}),
            "rows_read": run.read,
            **{name: run.facts.get(name) for name in _FACTS},
        }
