"""`manage.py import_costs`: one import of cost lines."""

from __future__ import annotations

from typing import Any

from portal.choices import ImportKind
from portal.imports.command import ImportCommand, run_document
from portal.models import ImportRun


class Command(ImportCommand):
    help = "Import cost lines from files of a provider. Exit 0 only when they were applied."
    kind = ImportKind.COSTS

    def document(self, run: ImportRun) -> dict[str, Any]:
        counts = ("read", "inserted", "updated", "unchanged", "superseded", "rejected")
        return {
            **run_document(run, counts),
            "sums": run.totals_in,
            "stored": run.totals_stored,
            "residue": run.totals_residue,
        }
