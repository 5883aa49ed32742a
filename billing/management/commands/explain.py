"""`manage.py explain FIGURE`: from a figure to its allocations, charges, file and line."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from billing.management.explanations import explain_charge, explain_figure, explain_past_figure
from billing.selectors.moments import BadMomentError, parse_moment
from billing.selectors.references import CHARGE_PREFIX, BadReferenceError, FigureReference

_MOST_LINES = 100


class Command(BaseCommand):
    help = (
        "Walk a figure back to what it is made of. FIGURE is a reference as pages print it, for "
        "example cost:use_case=answer-drafts,month=2026-05,measure=billed, or charge:123."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("figure", help="cost:key=value,… or charge:NUMBER")
        parser.add_argument(
            "--as-of", help="as recorded at this moment (ISO 8601, UTC without offset)"
        )
        parser.add_argument(
            "--limit",
            type=int,
            default=_MOST_LINES,
            help=f"how many lines to list, 0 for all (default {_MOST_LINES})",
        )
        parser.add_argument("--json", action="store_true", help="one JSON document on stdout")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            document = self._document(options)
        except (BadReferenceError, BadMomentError) as error:
            raise CommandError(str(error)) from error
        if options["json"]:
            self.stdout.write(json.dumps(document, indent=2, ensure_ascii=False))
        else:
            for line in _as_text(document):
                self.stdout.write(line)

    def _document(self, options: dict[str, Any]) -> dict[str, Any]:
        text: str = options["figure"]
        at = parse_moment(options["as_of"] or "")
        if text.startswith(CHARGE_PREFIX):
            number = text.removeprefix(CHARGE_PREFIX)
            if not number.isdecimal():
                raise BadReferenceError(f"{text!r} names no charge; expected charge:123")
            return explain_charge(int(number), at=at)
        reference = FigureReference.parse(text)
        limit = options["limit"] or None
        if at is not None:
            return explain_past_figure(reference, at=at, limit=limit)
        return explain_figure(reference, now=timezone.now(), limit=limit)


def _as_text(document: dict[str, Any]) -> list[str]:
    """The document for reading, one fact a line."""
    lines = [f"{document['figure']}  {document.get('as_of_text', '')}".rstrip()]
    for each in document.get("sums", []):
        said = ", ".join(f"{name} {value}" for name, value in each.items() if value is not None)
        lines.append(f"  sum: {said}")
    if "sums" in document and not document["sums"]:
        lines.append("  nothing is in it")
    for name, value in document.get("charge", {}).items():
        lines.append(f"  {name}: {value}")
    for key in ("allocations", "versions"):
        lines += [f"  {_line_text(line)}" for line in document.get(key, [])]
    raw = document.get("raw")
    if raw:
        lines.append(f"  raw record: {raw['text'] or raw['problem']}")
    shown, total = len(document.get("allocations", [])), document.get("lines", 0)
    if shown < total:
        lines.append(f"  … and {total - shown} more lines (--limit 0 lists all)")
    return lines


def _line_text(line: dict[str, Any]) -> str:
    effective = "not stated" if line["effective"] is None else line["effective"]
    parts = [
        line.get("day", ""),
        f"charge:{line['charge']}",
        f"{line['billed']} billed",
        f"{effective} effective",
        line.get("currency", ""),
        line.get("use_case", ""),
        line.get("rule", ""),
        line.get("state", ""),
        f"{line['file']}:{line['line']}" if "file" in line else "",
        f"run {line['run']}" if "run" in line else "",
    ]
    return "  ".join(part for part in parts if part)
