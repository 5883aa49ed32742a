"""Invoices, reconciliation, closes, corrections, exchange rates, explaining by API."""

from __future__ import annotations

from typing import Any

from tests.access.matrix import EVERYBODY, Door, api, form_function, listing, page
from tests.access.readers import Reader
from tests.access.rows.billing import FINANCE, SEE_LINES
from tests.billing.closing import MAY, tell_a_close
from tests.imports import START

UNSEEN = EVERYBODY - SEE_LINES
INVOICE = {"pk": "invoice.pk"}
OPEN = {"pk": "open_invoice.pk"}


def prepare(world: Any) -> None:
    """A closed month with a correction, and one that is ready, with an explained difference."""
    world.add(**tell_a_close())


ROWS = [
    listing("invoices", SEE_LINES),
    form_function("invoice-new", FINANCE),
    page("invoice", SEE_LINES, values=INVOICE, unseen=UNSEEN),
    form_function("invoice-change", FINANCE, values=OPEN),
    form_function("invoice-withdraw", FINANCE, values=OPEN),
    page("invoice-document", SEE_LINES, values=INVOICE, unseen=UNSEEN),
    form_function("invoice-attach", FINANCE, values=OPEN),
    form_function("invoice-explain", FINANCE, values=OPEN),
    form_function("explanation-withdraw", FINANCE, posted=302, values={"pk": "variance.pk"}),
    page("reconciliation", SEE_LINES, query="month=2026-05"),
    page("close-checklist", SEE_LINES, query="month=2026-05"),
    page("close-journal", SEE_LINES, query="month=2026-05"),
    page("close-workbook", SEE_LINES, query="month=2026-05"),
    page("close", SEE_LINES, values={"key": "closed.key"}, unseen=UNSEEN),
    form_function("close-ask", FINANCE, values={"key": "ready.key"}),
    listing("corrections", SEE_LINES),
    listing("exchange-rates", EVERYBODY),
    form_function("exchange-rate-new", FINANCE),
    api(
        "api-costs-explain",
        get=Door(EVERYBODY),
        query="figure=cost:use_case={case.slug}",
    ),
]

_SELECTORS = "billing.selectors"
READERS = [
    Reader(f"{_SELECTORS}.invoices:invoices_visible_to", SEE_LINES),
    Reader(f"{_SELECTORS}.invoices:invoice_for_page", SEE_LINES, arguments={"pk": "@invoice.pk"}),
    Reader(f"{_SELECTORS}.closes:closes_visible_to", SEE_LINES),
    Reader(f"{_SELECTORS}.closes:corrections_visible_to", SEE_LINES),
    Reader(
        f"{_SELECTORS}.month_books:month_book_for",
        SEE_LINES,
        arguments={"month": MAY, "at": None, "now": START},
    ),
    Reader(
        f"{_SELECTORS}.closes:checklists_for", SEE_LINES, arguments={"month": MAY, "now": START}
    ),
    Reader(
        f"{_SELECTORS}.closes:checklist_by_key",
        SEE_LINES,
        arguments={"key": "@ready.key", "now": START},
    ),
    Reader(f"{_SELECTORS}.exchange:exchange_rates_visible_to", EVERYBODY),
]
