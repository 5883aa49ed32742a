"""The figures of a scope as both people see them: one document, one hash, comparable later.

Amounts are decimal text with their sign. The document is frozen with the close; the journal and the
workbook of a closed month are written from it, whatever has happened to the lines since.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from billing.models import Invoice
from billing.selectors.month_lines import Destination, LineGroup
from billing.selectors.reconciliation import CloseScope, Reconciled, Reconciliation
from billing.selectors.use_cases import UseCaseName, use_case_names
from portal.shell.money import EXACT, nano_text, to_nano

Figures = dict[str, Any]
# In the order of the one table; the names are also those of `Reconciled`'s amounts.
_TOTAL = ": invoice total"
COMPONENTS = ("allocated", "unallocated", "tax", "credits", "rounding", "explained")


def figures_of(found: Reconciliation, scope: CloseScope) -> Figures:
    """What the scope is now. One query, for the names of use cases."""
    invoices = found.of_scope(scope)
    ids = {place.use_case_id for each in invoices for g in each.groups for place in g.went_to}
    names = use_case_names(ids)
    keys = [group.key for each in invoices for group in each.groups]
    return {
        "month": str(scope.month),
        "issuer": scope.issuer,
        "account": scope.account,
        "currency": scope.currency,
        "invoices": [_invoice(each, names) for each in invoices],
        "lines": found.lines.content_of(keys),
    }


def _invoice(each: Reconciled, names: Mapping[int, UseCaseName]) -> dict[str, Any]:
    invoice = each.invoice
    return {
        "number": invoice.number,
        "total": nano_text(invoice.total_nano),
        **{name: nano_text(getattr(each, f"{name}_nano")) for name in COMPONENTS},
        "residual": nano_text(each.residual_nano),
        "basis": each.basis,
        "matched_by": each.matched_by.value,
        "lines": each.lines,
        "lines_billed": nano_text(each.lines_nano),
        "lines_effective": nano_text(each.effective_nano),
        "document": invoice.document_sha256,
        "stated": _stated(invoice),
        "variances": [
            {
                "reason": str(variance.reason),
                "amount": nano_text(variance.amount_nano),
                "note": variance.note,
                "by": variance.recorded_by.username,
            }
            for variance in each.variances
        ],
        "went_to": _went_to(each.groups, names),
    }


def _stated(invoice: Invoice) -> dict[str, Any]:
    """What the document says besides its total; None where it does not say."""
    found: dict[str, Any] = {}
    for name in ("tax", "credits", "rounding", "effective"):
        nano = getattr(invoice, f"{name}_nano")
        found[name] = None if nano is None else nano_text(nano)
    return found | {
        "lines": invoice.stated_lines,
        "tax_in_lines": invoice.tax_in_lines,
        "credits_in_lines": invoice.credits_in_lines,
    }


def _went_to(groups: Sequence[LineGroup], names: Mapping[int, UseCaseName]) -> list[dict[str, str]]:
    """By component, use case and cost centre; a use case of '' is unallocated, for that reason."""
    found: dict[tuple[str, str, str, str], int] = {}
    for group in groups:
        part = "tax" if group.key.is_tax else "credits" if group.key.is_credit else "cost"
        for place, nano in group.went_to.items():
            key = (part, _slug(place, names), place.cost_center, place.reason)
            found[key] = found.get(key, 0) + nano
    return [
        {
            "part": part,
            "use_case": use_case,
            "cost_center": cost_center,
            "reason": reason,
            "amount": nano_text(nano),
        }
        for (part, use_case, cost_center, reason), nano in sorted(found.items())
    ]


def _slug(place: Destination, names: Mapping[int, UseCaseName]) -> str:
    return "" if place.use_case_id is None else names[place.use_case_id].slug


def figures_hash(figures: Figures) -> str:
    """SHA-256 of the document as canonical JSON."""
    text = json.dumps(figures, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def text_nano(text: str) -> int:
    """Nano-units of an amount in a document; sums pass 64 bits, so no bound is checked."""
    return int(Decimal(text).scaleb(9, context=EXACT))


def lines_nano(figures: Figures) -> int:
    """Billed sum of every cost line in the document."""
    return sum(text_nano(each["lines_billed"]) for each in figures["invoices"])


def residual_nano(figures: Figures) -> int:
    """What nobody can account for, over its invoices."""
    return sum(text_nano(each["residual"]) for each in figures["invoices"])


def total_nano(figures: Figures) -> int:
    """What its invoices ask to be paid.

    Raises:
        AmountOutOfRangeError: it does not fit 64 bits of nano-units.
    """
    total = sum(text_nano(each["total"]) for each in figures["invoices"])
    return to_nano(Decimal(total).scaleb(-9, context=EXACT))


def moves_between(old: Figures, new: Figures) -> list[dict[str, str]]:
    """Every place whose amount differs: place, old, new; empty when no money has moved."""
    before, after = _places(old), _places(new)
    return [
        {"place": place, "old": before.get(place, "0"), "new": after.get(place, "0")}
        for place in sorted({*before, *after})
        if before.get(place, "0") != after.get(place, "0")
    ]


def moved_between(moves: Sequence[Mapping[str, str]]) -> int:
    """How much came to places that had less of it before, in nano-units.

    The larger of what came and what went: a reallocation has both, a revision may have one. What
    the invoices ask for is no place.
    """
    differences = [
        text_nano(each["new"]) - text_nano(each["old"])
        for each in moves
        if not each["place"].endswith(_TOTAL)
    ]
    came = sum(each for each in differences if each > 0)
    return max(came, came - sum(differences))


def _places(figures: Figures) -> dict[str, str]:
    found: dict[str, str] = {}
    for each in figures["invoices"]:
        number = each["number"]
        found[f"{number}{_TOTAL}"] = each["total"]
        for part in each["went_to"]:
            whose = part["use_case"] or f"unallocated, {part['reason']}"
            centre = f", cost centre {part['cost_center']}" if part["cost_center"] else ""
            what = "" if part["part"] == "cost" else f", {part['part']}"
            found[f"{number}: {whose}{centre}{what}"] = part["amount"]
    return found
