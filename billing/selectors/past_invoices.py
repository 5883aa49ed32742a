"""Invoices at an earlier moment: which version was in force, what was said of it, where it went."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from billing.allocation.sharing import Part
from billing.models import Charge, Invoice, InvoiceVariance
from billing.selectors.as_of import PartPage, PartPlace, PastPart
from billing.selectors.invoices import (
    charges_of,
    variances_of_invoice,
    versions_of_invoice,
)
from billing.selectors.past_months import PastMonth, as_it_stood
from billing.selectors.reconciliation import Reconciled
from billing.selectors.trials import allocator_for, rules_recorded_at, stream_charges
from portal.shell.statuses import FigureStatus


def versions_recorded_at(invoice: Invoice, at: dt.datetime) -> list[Invoice]:
    """Every version of an invoice that there was, newest first, as it stood. One query."""
    return [
        as_it_stood(each, at) for each in versions_of_invoice(invoice) if each.recorded_at <= at
    ]


def in_force_at(versions: Iterable[Invoice]) -> Invoice | None:
    """Of versions as they stood, the one that was in force; None when none was."""
    return next((each for each in versions if each.superseded_at is None), None)


def variances_recorded_at(invoice: Invoice, at: dt.datetime) -> list[InvoiceVariance]:
    """What had been explained about a version, as it stood. One query."""
    found = [each for each in variances_of_invoice(invoice) if each.recorded_at <= at]
    for each in found:
        if each.withdrawn_at is not None and each.withdrawn_at > at:
            each.withdrawn_at = each.withdrawn_by = None
    return found


@dataclass(frozen=True, slots=True)
class PastAllocations:
    """Parts of an invoice's lines as rows of the shape of `allocations_of_invoice`."""

    rows: list[dict[str, Any]]
    statuses: list[FigureStatus]


def past_allocations(month: PastMonth, own: Reconciled, page: PartPage) -> PastAllocations:
    """Those parts of its lines that the page keeps, by day and line. About ten queries."""
    charges = charges_of(own, month.live())
    rules = rules_recorded_at(month.at)
    allocator = allocator_for(charges, rules, at=month.at)
    names = {rule.match.rule_id: (rule.key, rule.version) for rule in rules}
    for charge in stream_charges(charges):
        for number, part in enumerate(allocator.parts(charge.line)):
            place = PartPlace(charge.line.day, charge.pk, number)
            page.see(place, PastPart(charge, part))
    parts = [found for _, found in page.kept]
    numbers = {found.charge.pk for found in parts}
    lines = Charge.objects.select_related("dimension", "file").in_bulk(numbers)
    statuses = month.of_charges(lines.values())
    return PastAllocations(
        [_row(found.part, lines[found.charge.pk], names) for found in parts],
        [statuses[found.charge.pk] for found in parts],
    )


def _row(part: Part, charge: Charge, rules: Mapping[int, tuple[str, int]]) -> dict[str, Any]:
    key, version = (None, None) if part.rule_id is None else rules[part.rule_id]
    return {
        "charge_id": charge.pk,
        "day": charge.day,
        "use_case_id": part.use_case_id,
        "billed_nano": part.billed,
        "effective_nano": part.effective,
        "unallocated_reason": part.reason,
        "rule__key": key,
        "rule__version": version,
        "charge__currency": charge.currency,
        "charge__billed_nano": charge.billed_nano,
        "charge__file__name": charge.file.name,
        "charge__line": charge.line,
        "charge__run_id": charge.run_id,
    }
