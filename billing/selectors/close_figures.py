"""The figures of a scope as both people see them: one document, one hash, comparable later.

Amounts are decimal text with their sign. The document is frozen with the close; the journal and the
workbook of a closed month are written from it, whatever has happened to the lines since.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping, Sequence
from decimal import Decimal
from typing import Any, NamedTuple

from billing.models import Invoice
from billing.selectors.month_lines import Destination, LineGroup
from billing.selectors.reconciliation import CloseScope, Reconciled, Reconciliation
from billing.selectors.use_cases import UseCaseName, use_case_names
from portal.shell.money import EXACT, nano_text, to_nano

Figures = dict[str, Any]
# In the order of the one table; the names are also those of `Reconciled`'s amounts.
COMPONENTS = ("allocated", "unallocated", "tax", "credits", "rounding", "explained")
# Words with a space: no use case has such a name.
_TOTAL = "invoice total"
_OWN = {
    "tax": "tax on the invoice",
    "credits": "credits on the invoice",
    "rounding": "rounding of the invoice",
    "explained": "explained difference",
}
# What a document says about lines that have it themselves: compared with them, never added.
_CONTROLS = {
    "tax": "tax stated, which the lines hold",
    "credits": "credits stated, which the lines hold",
    "effective": "effective cost stated",
}


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


def on_invoice_nano(invoice: Mapping[str, Any]) -> dict[str, int]:
    """What stands on the invoice only, by component: its cost lines have none of it."""
    found = {name: text_nano(invoice[name]) for name in _OWN}
    for each in invoice["went_to"]:
        if each["part"] in found:
            found[each["part"]] -= text_nano(each["amount"])
    return found


class _Place(NamedTuple):
    """Where an amount of a document stands; `name` is of `_OWN`, `_CONTROLS` or the total."""

    number: str
    name: str = ""
    part: str = ""
    use_case: str = ""
    cost_center: str = ""
    reason: str = ""

    def __str__(self) -> str:
        if self.name:
            return f"{self.number}: {self.name}"
        whose = self.use_case or f"unallocated, {self.reason}"
        centre = f", cost centre {self.cost_center}" if self.cost_center else ""
        what = "" if self.part == "cost" else f", {self.part}"
        return f"{self.number}: {whose}{centre}{what}"


def moves_between(old: Figures, new: Figures) -> list[dict[str, Any]]:
    """Every place whose amount differs: place, old, new; empty when nothing has moved.

    A control is told by its old and new words, None where it was not stated; only of invoices that
    both documents hold, and only where the lines hold that part before and after. What a document
    of earlier days does not say is not compared.
    """
    before, after = _places(old), _places(new)
    moves = [
        (place, nano_text(before.get(place, 0)), nano_text(after.get(place, 0)))
        for place in {*before, *after}
        if before.get(place, 0) != after.get(place, 0)
    ]
    was, says = _controls(old), _controls(new)
    stated = [(place, was[place], says[place]) for place in was.keys() & says.keys()]
    told = [*moves, *(each for each in stated if each[1] != each[2])]
    return [
        {"place": str(place), "old": before_it, "new": after_it}
        for place, before_it, after_it in sorted(told, key=lambda each: str(each[0]))
    ]


def moved_components(places: Collection[str], number: str) -> frozenset[str]:
    """Which components moved that stand on this invoice only, by the places of its corrections."""
    return frozenset(name for name, words in _OWN.items() if f"{number}: {words}" in places)


def is_place_of(place: str, number: str) -> bool:
    """Whether a moved place belongs to this invoice, and not to one whose number goes on."""
    start = f"{number}: "
    # A use case has no colon in its name, a cost centre may: it stands behind the first comma.
    return place.startswith(start) and ": " not in place[len(start) :].split(", ", 1)[0]


def moved_between(moves: Sequence[Mapping[str, Any]]) -> int:
    """How much came to places that had less of it before, in nano-units.

    The larger of what came and what went: a reallocation has both, a revision may have one. What
    the invoices ask for is no place; what they ask for and no place has is one of its own.
    """
    differences = [
        _difference(each)
        for each in moves
        if not _is_named(each, _TOTAL) and not _is_named(each, *_CONTROLS.values())
    ]
    differences.append(payable_between(moves) - sum(differences))
    came = sum(each for each in differences if each > 0)
    return max(came, came - sum(differences))


def payable_between(moves: Sequence[Mapping[str, Any]]) -> int:
    """By how much more the invoices ask, in nano-units."""
    return sum(_difference(each) for each in moves if _is_named(each, _TOTAL))


def _difference(move: Mapping[str, Any]) -> int:
    return text_nano(move["new"]) - text_nano(move["old"])


def _is_named(move: Mapping[str, Any], *names: str) -> bool:
    return any(move["place"].endswith(f": {name}") for name in names)


def _places(figures: Figures) -> dict[_Place, int]:
    """Every amount that is money: the total, what its lines went to, what stands on it only."""
    found: dict[_Place, int] = {}
    for each in figures["invoices"]:
        number = each["number"]
        found[_Place(number, _TOTAL)] = text_nano(each["total"])
        for name, nano in on_invoice_nano(each).items():
            found[_Place(number, _OWN[name])] = nano
        for part in each["went_to"]:
            place = _Place(
                number, "", part["part"], part["use_case"], part["cost_center"], part["reason"]
            )
            found[place] = text_nano(part["amount"])
    return found


def _controls(figures: Figures) -> dict[_Place, str | None]:
    """What the invoices say about parts that their lines hold."""
    found: dict[_Place, str | None] = {}
    for each in figures["invoices"]:
        stated = each.get("stated")
        if stated is None:
            continue
        for name, words in _CONTROLS.items():
            if stated.get(f"{name}_in_lines", True):
                found[_Place(each["number"], words)] = stated[name]
    return found
