"""`manage.py evaluate_registrations`: judge every registration whose window has closed."""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser
from collections import Counter
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from tqdm import tqdm

from adoption.models import ImpactVerdict
from adoption.services.impact_verdicts import (
    ask_for_evaluations,
    due_registrations,
    evaluate_registration,
    is_reproduced,
)


class Command(BaseCommand):
    help = (
        "Judge registered effects whose windows have closed. The same data are judged once; "
        "restated data give a new verdict and the old one stays. Exit 0 only when none failed."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--verify",
            action="store_true",
            help="also compute every stored verdict again and compare it byte by byte",
        )
        parser.add_argument(
            "--in-background",
            action="store_true",
            help="leave it to the workers, one piece of work each; the page Verdicts shows how far",
        )
        parser.add_argument("--json", action="store_true", help="one JSON document on stdout")

    def handle(self, *args: Any, **options: Any) -> None:
        at = timezone.now()
        if options["in_background"]:
            asked = ask_for_evaluations(at=at)
            said = json.dumps({"asked": asked}) if options["json"] else f"{asked} asked for"
            self.stdout.write(said)
            return
        due = due_registrations(at=at)
        words: Counter[str] = Counter()
        new = failed = 0
        for pk in tqdm(due, unit="registration", disable=not sys.stderr.isatty()):
            try:
                found = evaluate_registration(registration_id=pk, at=at)
            except Exception as error:  # noqa: BLE001  (the others are judged all the same)
                failed += 1
                self.stderr.write(f"registration {pk}: {error}")
                continue
            new += found.is_new
            words[found.verdict.verdict] += 1
        document: dict[str, Any] = {
            "due": len(due),
            "new": new,
            "unchanged": len(due) - new - failed,
            "failed": failed,
            "verdicts": dict(sorted(words.items())),
        }
        if options["verify"]:
            document |= self._verified()
        self._say(document, as_json=options["json"])
        if failed or document.get("altered"):
            raise CommandError(f"{failed} failed, {document.get('altered', 0)} not reproduced")

    def _verified(self) -> dict[str, int]:
        altered = [
            verdict.pk
            for verdict in ImpactVerdict.objects.order_by("pk").iterator()
            if not is_reproduced(verdict)
        ]
        for pk in altered:
            self.stderr.write(f"verdict {pk} is not what its facts give with these libraries")
        total = ImpactVerdict.objects.count()
        return {"reproduced": total - len(altered), "altered": len(altered)}

    def _say(self, document: dict[str, Any], *, as_json: bool) -> None:
        if as_json:
            self.stdout.write(json.dumps(document, indent=2))
            return
        self.stdout.write(
            f"{document['due']} due: {document['new']} new verdicts, {document['unchanged']} "
            f"unchanged, {document['failed']} failed"
        )
        for word, count in document["verdicts"].items():
            self.stdout.write(f"  {word.replace('_', ' ')}: {count}")
        if "reproduced" in document:
            self.stdout.write(f"{document['reproduced']} verdicts computed again, byte for byte")
