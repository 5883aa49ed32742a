"""`manage.py verify_snapshot`: the stand-alone check, with the keys of this installation."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError

from adoption.metrics.snapshot import Recalculated, recalculate
from adoption.metrics.verify_snapshot import BadSnapshotError, Checked, verify
from adoption.selectors.frozen_values import calculate_of
from adoption.selectors.snapshots import facts_in_snapshot
from adoption.services.snapshot_heads import heads_path, trusted_keys


class Command(BaseCommand):
    help = (
        "Check snapshot files: hash, signature, chain, heads. Needs no database; without Plumbline "
        "run adoption/metrics/verify_snapshot.py, which is the same check."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("files", nargs="+", type=Path, metavar="FILE")
        parser.add_argument(
            "--key", action="append", default=[], help="a public key (default: this installation's)"
        )
        parser.add_argument(
            "--anchors", type=Path, help="file of heads (default: this installation's, if any)"
        )
        parser.add_argument("--whole", action="store_true", help="these are all there ever were")
        parser.add_argument(
            "--recalculate", action="store_true", help="calculate every value from its facts again"
        )
        parser.add_argument("--json", action="store_true", help="one JSON document on stdout")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            checked = self._verify(options)
        except BadSnapshotError as error:
            if options["json"]:
                self.stdout.write(json.dumps({"holds": False, "first_bad": str(error)}))
            raise CommandError(f"does not hold: {error}") from error
        except (OSError, UnicodeDecodeError) as error:
            raise CommandError(str(error)) from error
        again = [_recalculate(one) for one in checked] if options["recalculate"] else []
        self._say(checked, again, is_json=options["json"])
        problems = [line for one in again for line in (*one.different, *one.impossible)]
        withheld = sum(len(one.withheld) for one in again)
        if withheld:
            problems.append(
                f"{withheld} values have facts that the file withholds and the database lacks"
            )
        if problems:
            raise CommandError(f"does not hold: {problems[0]}")

    def _verify(self, options: dict[str, Any]) -> list[Checked]:
        path = options["anchors"] or heads_path()
        anchors = None
        if options["anchors"] or path.is_file():
            anchors = (path.name, path.read_text("utf-8"))
        elif options["whole"]:
            raise BadSnapshotError("--whole needs the file of heads, and there is none")
        files = [(path.name, path.read_bytes()) for path in options["files"]]
        keys = options["key"] or trusted_keys()
        return verify(files, keys, anchors, whole=options["whole"])

    def _say(self, checked: list[Checked], again: list[Recalculated], *, is_json: bool) -> None:
        if is_json:
            found = [
                {
                    "number": one.number,
                    "sha256": one.sha256,
                    "values": one.values,
                    "recalculated": again[place].same if again else None,
                    "different": again[place].different if again else None,
                }
                for place, one in enumerate(checked)
            ]
            self.stdout.write(json.dumps({"holds": True, "snapshots": found}))
            return
        for place, one in enumerate(checked):
            same = f", {again[place].same} of them calculated again alike" if again else ""
            self.stdout.write(f"Snapshot {one.number} holds: {one.values} values{same}")


def _recalculate(one: Checked) -> Recalculated:
    found = recalculate(one.document, calculate_of)
    if not found.withheld:
        return found
    try:
        known = facts_in_snapshot(one.sha256, found.withheld)
    except DatabaseError:
        return found
    return recalculate(one.document, calculate_of, facts_of=known)
