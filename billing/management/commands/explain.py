"""`manage.py explain FIGURE`: from a figure to file and line, from an invoice to use cases."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from billing.allocation.sharing import Rounding
from billing.selectors.explanations import explain
from billing.selectors.listed import FirstLines
from billing.selectors.moments import BadMomentError, parse_moment
from billing.selectors.references import BadReferenceError

_MOST_LINES = 100


class Command(BaseCommand):
    help = (
        "Walk a figure back to what it is made of, or an invoice forward to where its money went. "
        "FIGURE is a reference as pages print it, for example "
        "cost:use_case=answer-drafts,month=2026-05,measure=billed, with day=2026-05-03 instead of "
        "the month for a day (UTC), charge:123 or invoice:A-17."
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
        now = timezone.now()
        return explain(
            options["figure"],
            at=parse_moment(options["as_of"] or "", now=now),
            now=now,
            lines=FirstLines(options["limit"] or None),
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
        statuses = document["part_statuses"] if section == "parts" and section in document else {}
        for name, value in document.get(section, {}).items():
            said = f"  {name}: {value}  {statuses.get(name, '')}".rstrip()
            lines.append(said if name != "written" else _written_text(value))
    lines += _rounding_text(document.get("rounding"))
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


def _written_text(written: dict[str, str]) -> str:
    said = ", ".join(f"{measure} {text}" for measure, text in written.items())
    return f"  written by the source: {said or 'not kept, or not in a known column'}"


def _rounding_text(rounding: dict[str, Any] | None) -> list[str]:
    """What was rounded away: amounts are exact as stored, and not always as the source wrote."""
    if rounding is None:
        return []
    lines = [f"  amounts are stored to {rounding['unit']}, rounded half even at import"]
    for each in rounding["runs"]:
        said = [
            f"{text} {currency} {measure}"
            for currency, sums in each["residue"].items()
            for measure, text in sums.items()
        ]
        lines.append(f"  residue of run {each['run']}, all its lines: {', '.join(said) or 'none'}")
    return lines


def _line_text(line: dict[str, Any]) -> str:
    effective = "not stated" if line["effective"] is None else line["effective"]
    parts = [
        line.get("day", ""),
        f"charge:{line['charge']}",
        f"{line['billed']} billed",
        f"{effective} effective",
        line.get("currency", ""),
        line["status"],
        line.get("use_case", ""),
        line.get("rule", ""),
        line.get("state", ""),
        f"{line['file']}:{line['line']}" if "file" in line else "",
        f"run {line['run']}" if "run" in line else "",
        _rounded_text(line.get("rounded")),
    ]
    return "  ".join(part for part in parts if part)


def _rounded_text(rounded: dict[str, Any] | None) -> str:
    """Which parts of a split took a nano-unit that was left over."""
    taken = [name for name, how in (rounded or {}).items() if how == Rounding.UP]
    return f"largest remainder of {' and '.join(taken)}" if taken else ""
