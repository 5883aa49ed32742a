"""Forward: from an invoice, or one of its lines, to every place where its money went."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from billing.choices import UnallocatedReason
from billing.selectors.close_figures import COMPONENTS
from billing.selectors.explained_charges import rounding_of
from billing.selectors.invoice_status import InvoiceStatuses, invoice_statuses
from billing.selectors.invoices import (
    INVOICE_LINE_ORDER,
    INVOICE_PREFIX,
    LineAmount,
    allocations_of_invoice,
    destinations_of,
    invoice_by_reference,
    reconciled_invoice,
)
from billing.selectors.line_status import statuses_of_rows
from billing.selectors.listed import Listed
from billing.selectors.past_invoices import past_allocations
from billing.selectors.past_months import past_month
from billing.selectors.reconciliation import Reconciled
from billing.selectors.references import UNALLOCATED, BadReferenceError
from billing.selectors.use_cases import UseCaseName, use_case_names
from portal.shell.money import nano_text
from portal.shell.periods import Month
from portal.shell.statuses import FigureStatus


@dataclass(frozen=True, slots=True)
class _Forward:
    """An invoice with everything that is told of it.

    Attributes:
        parts: of its lines, those that are listed, each with its status.
    """

    own: Reconciled
    statuses: InvoiceStatuses
    parts: Sequence[tuple[Mapping[str, Any], FigureStatus]]


def explain_invoice(text: str, *, now: dt.datetime, lines: Listed) -> dict[str, Any]:
    """An invoice forward: its parts, every destination, and the allocations that `lines` picks.

    The destinations sum to its cost lines, the parts to the invoice; the residual says what does
    not.

    Raises:
        BadReferenceError: it names no invoice, or several.
    """
    found = reconciled_invoice(invoice_by_reference(text))
    if found is None:
        raise BadReferenceError(f"there is a newer version of {text!r}")
    parts = lines.of_rows(allocations_of_invoice(found), INVOICE_LINE_ORDER)
    of_parts = statuses_of_rows(parts, now=now)
    told = _Forward(
        found, invoice_statuses(found, now=now), list(zip(parts, of_parts, strict=True))
    )
    return _document(told) | {"as_of": None}


def explain_past_invoice(
    text: str, *, at: dt.datetime, lines: Listed, most: int | None
) -> dict[str, Any]:
    """The same as recorded at `at`: the version in force then, the lines and rules of then.

    Raises:
        BadReferenceError: it names no invoice that was in force, or several.
        TooManyChargesError: its month has more than `most` charges to go through.
    """
    invoice = invoice_by_reference(text, at=at)
    month = past_month(Month.of(invoice.month), at, most=most)
    found = next(each for each in month.found.invoices if each.invoice.pk == invoice.pk)
    listed = past_allocations(month, found, lines.of_parts())
    parts = list(zip(listed.rows, listed.statuses, strict=True))
    told = _document(_Forward(found, month.invoice_statuses(found), parts))
    return told | {"as_of": at.isoformat(), "as_of_text": f"as recorded at {at.isoformat()}"}


def _document(told: _Forward) -> dict[str, Any]:
    found, statuses = told.own, told.statuses
    places = destinations_of(found)
    ids = {each.place.use_case_id for each in places}
    names = use_case_names(ids | {part["use_case_id"] for part, _ in told.parts})
    return {
        "figure": f"{INVOICE_PREFIX}{found.invoice.issuer}/{found.invoice.number}",
        "invoice": _invoice(found, statuses),
        "parts": _parts(found),
        "part_statuses": _part_statuses(statuses),
        "destinations": [
            _destination(each, names) | {"status": str(statuses.place(each.place))}
            for each in places
        ],
        "lines": found.lines,
        "allocations": [
            _allocation(part, names) | {"status": str(status)} for part, status in told.parts
        ],
        "rounding": rounding_of({part["charge__run_id"] for part, _ in told.parts}),
    }


def _invoice(found: Reconciled, statuses: InvoiceStatuses) -> dict[str, Any]:
    invoice = found.invoice
    return {
        "issuer": invoice.issuer,
        "number": invoice.number,
        "billing_account": invoice.billing_account_id or None,
        "month": str(Month.of(invoice.month)),
        "currency": invoice.currency,
        "total": nano_text(invoice.total_nano),
        "status": str(statuses.invoice),
        "matched_by": found.matched_by.value,
        "basis": found.basis or None,
        "lines_billed": nano_text(found.lines_nano),
        "lines_status": str(statuses.lines),
    }


def _parts(found: Reconciled) -> dict[str, str]:
    parts = {name: nano_text(getattr(found, f"{name}_nano")) for name in COMPONENTS}
    return parts | {"residual": nano_text(found.residual_nano)}


def _part_statuses(statuses: InvoiceStatuses) -> dict[str, str]:
    known = statuses.parts()
    return {name: str(known[name]) for name in (*COMPONENTS, "residual")}


def _destination(each: LineAmount, names: Mapping[int, UseCaseName]) -> dict[str, Any]:
    place = each.place
    name = names.get(place.use_case_id or 0)
    return {
        "use_case": name.slug if name else UNALLOCATED,
        "cost_center": place.cost_center or None,
        "rule": _rule(place.rule_key, place.rule_version, place.reason),
        "billed": nano_text(each.billed_nano),
    }


def _allocation(part: Mapping[str, Any], names: Mapping[int, UseCaseName]) -> dict[str, Any]:
    name = names.get(part["use_case_id"] or 0)
    effective = part["effective_nano"]
    return {
        "charge": part["charge_id"],
        "day": part["day"].isoformat(),
        "use_case": name.slug if name else UNALLOCATED,
        "rule": _rule(part["rule__key"], part["rule__version"], part["unallocated_reason"]),
        "rule_key": part["rule__key"],
        "rule_version": part["rule__version"],
        "currency": part["charge__currency"],
        "billed": nano_text(part["billed_nano"]),
        "effective": None if effective is None else nano_text(effective),
        "charge_billed": nano_text(part["charge__billed_nano"]),
        "file": part["charge__file__name"],
        "line": part["charge__line"],
        "run": part["charge__run_id"],
    }


def _rule(key: str | None, version: int | None, reason: str) -> str:
    return f"{key} v{version}" if key else str(reason or UnallocatedReason.NO_RULE.value)
