"""Overlapping sources, the unmapped queue and exports of cost."""

from __future__ import annotations

from typing import Any

from billing.models import SpendOverlap
from billing.selectors.references import FigureReference, Scope
from portal.services.connections import create_connection
from portal.shell.periods import Month
from tests.access.matrix import EVERYBODY, Column, form_function, only, page
from tests.access.readers import Panel, Reader
from tests.access.rows.billing import SEE_LINES
from tests.adoption.factories import NOW

FINANCE = only(Column.FINANCE)
OVERLAP = {"pk": "overlap.pk"}
MONTHS = "first=2026-05&last=2026-05"

ROWS = [
    page("costs-unmapped", SEE_LINES),
    page("cost-overlaps", EVERYBODY),
    form_function("cost-overlap-new", FINANCE),
    form_function("cost-overlap-end", FINANCE, values=OVERLAP),
    page("cost-exports", EVERYBODY),
    page("cost-export-focus", SEE_LINES, query=MONTHS),
    page("cost-export-unit-costs", EVERYBODY, query=MONTHS),
    page("cost-export-business-metrics", EVERYBODY, query=MONTHS),
]
READERS = [
    Reader(
        "billing.selectors.focus_export:export_rows",
        SEE_LINES,
        arguments={"scope": Scope(FigureReference())},
    ),
    Reader("billing.selectors.overlaps:overlaps_visible_to", EVERYBODY),
    Reader(
        "billing.selectors.overlaps:overlap_for_page", EVERYBODY, arguments={"pk": "@overlap.pk"}
    ),
    Reader("billing.selectors.open_suspicions:suspicions_to_settle", FINANCE),
    Reader(
        "billing.selectors.overlap_origins:bringers_of",
        FINANCE,
        arguments={"slugs": ["april"], "first": Month(2026, 4), "last": None},
    ),
]
PANELS = [Panel("billing.suspicions", FINANCE)]


def prepare(world: Any) -> None:
    """Two sources of which one covers the other's spend."""
    sources = [
        create_connection(slug=slug, source="focus", config={}, at=NOW)
        for slug in ("counts", "covers")
    ]
    overlap = SpendOverlap.objects.create(
        counted=sources[0], other=sources[1], starts_on=NOW.date().replace(day=1),
        is_excluded=True, reason="The same key.", created_by=world.maker, created_at=NOW,
    )  # fmt: skip
    world.add(overlap=overlap)
