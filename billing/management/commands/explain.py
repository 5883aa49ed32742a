"""`manage.py explain FIGURE`: from a figure to file and line, from an invoice to use cases."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from billing.selectors.explanations import explain
from billing.selectors.moments import BadMomentError, parse_moment
from billing.selectors.references import BadReferenceError

_MOST_LINES = 100


class Command(BaseCommand):
    help = (
        "Walk a figure back to what it is made of, or an invoice forward to where its money went. "
        "FIGURE is a reference as pages print it, for example "
        "cost:use_case=answer-drafts,month=2026-05,measure=billed, charge:123 or invoice:A-17."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "figure",
            help="cost:key=value,…, charge:NUMBER or invoice:NUMBER (invoice:ISSUER/NUMBER)",
        )
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
        return explain(
            options["figure"],
            at=parse_moment(options["as_of"] or ""),
            now=timezone.now(),
            limit=options["limit"] or None,
        )


def _as_text(document: dict[str, Any]) -> list[str]:
    """The document for reading, one fact a line."""
    lines = [f"{document['figure']}  {document.get('as_of_text', '')}".rstrip()]
    for each in document.get("sums", []):
        said = ", ".join(f"{name} {value}" for name, value in each.items() if value is not None)
        lines.append(f"  sum: {said}")
    if "sums" in document and not document["sums"]:
        lines.append("  nothing is in it")
    for section in ("charge", "invoice", "parts"):
        for name, value in document.get(section, {}).items():
            lines.append(f"  {name}: {value}")
    for place in document.get("destinations", []):
        said = "  ".join(str(value) for value in place.values() if value is not None)
        lines.append(f"  went to: {said}")
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
