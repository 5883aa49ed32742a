"""Cost of a month that no close reaches yet, because no invoice takes its lines."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from billing.choices import CostBasis, UnallocatedReason
from billing.selectors.close_rules import rule_of
from billing.selectors.month_lines import LineGroup, LineKey
from billing.selectors.reconciliation import CloseScope, Reconciliation
from portal.wording import counted

_SHOWN_NUMBERS = 3


@dataclass(slots=True)
class Uninvoiced:
    """Lines of one issuer, account, currency and basis that stand on no invoice. Nano-units.

    Attributes:
        left_out_nano: of it, what another source counts.
        keys: of those lines.
        missing: what stands between it and a close, one sentence each; empty when nothing does.
    """

    scope: CloseScope
    basis: str
    lines: int = 0
    billed_nano: int = 0
    left_out_nano: int = 0
    keys: list[LineKey] = field(default_factory=list)
    numbers: set[str] = field(default_factory=set)
    bare_lines: int = 0
    missing: list[str] = field(default_factory=list)


def left_out_nano(group: LineGroup) -> int:
    """What of these lines is in no sum, because another source has it."""
    return sum(
        nano
        for place, nano in group.went_to.items()
        if place.use_case_id is None and place.reason == UnallocatedReason.NOT_COUNTED
    )


def uninvoiced(found: Reconciliation) -> list[Uninvoiced]:
    """Everything of the month that lies outside its invoices, in reading order. No query."""
    by_place: dict[tuple[CloseScope, str], Uninvoiced] = {}
    for group in found.loose:
        key = group.key
        scope = CloseScope(found.month, key.issuer, key.account, key.currency)
        own = by_place.setdefault((scope, key.basis), Uninvoiced(scope, key.basis))
        own.keys.append(key)
        own.lines += group.lines
        own.billed_nano += group.billed_nano
        own.left_out_nano += left_out_nano(group)
        if key.invoice_id:
            own.numbers.add(key.invoice_id)
        elif rule_of(key.source).needs_invoice_id:
            own.bare_lines += group.lines
    invoiced = {(each.invoice.issuer.casefold(), each.invoice.currency) for each in found.invoices}
    for own in by_place.values():
        own.missing = list(_missing(own, invoiced))
    return [by_place[place] for place in sorted(by_place)]


def _missing(own: Uninvoiced, invoiced: Iterable[tuple[str, str]]) -> Iterator[str]:
    if own.basis == CostBasis.ESTIMATED:
        return  # nobody bills an estimate
    if own.left_out_nano == own.billed_nano:
        return  # the source that counts is the one to close
    if (own.scope.issuer.casefold(), own.scope.currency) in invoiced:
        said = _numbers(own.numbers)
        yield (
            "None of the invoices of this issuer takes these lines"
            f"{f': they carry {said}' if said else ''}. Enter the one that does, or mend the "
            "account or number of the one that should."
        )
    else:
        yield "No invoice has been entered."
    if own.bare_lines:
        yield f"{counted(own.bare_lines, 'line carries', 'lines carry')} no invoice id yet."


def _numbers(numbers: Iterable[str]) -> str:
    known = sorted(numbers)
    more = len(known) - _SHOWN_NUMBERS
    shown = ", ".join(known[:_SHOWN_NUMBERS])
    return f"{shown} and {more} more" if more > 0 else shown
