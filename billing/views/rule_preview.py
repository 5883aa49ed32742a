"""Dry runs as pages show them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from billing.choices import SplitKind, UnallocatedReason
from billing.models.allocation import WHOLE
from billing.selectors.allocation_rules import share_text
from billing.selectors.dry_runs import DryRun, Receiver
from billing.selectors.use_cases import UseCaseName, use_case_names
from billing.services.allocation_rules import RuleDraft
from billing.tables.allocation_rules import MoveTable
from portal.shell.formats import nano_money_text, number_text

_NEGATIVE = (
    "A negative amount is a credit, a refund or tax given back. It goes the way of its lines: "
    "whoever hands it over costs more, whoever receives it costs less."
)


def preview_context(found: DryRun, *, draft: RuleDraft | None = None) -> dict[str, Any]:
    """Variables of `billing/_rule_preview.html`."""
    rest = (
        WHOLE - sum(share for _, share in draft.shares)
        if draft and draft.split == SplitKind.FIXED
        else 0
    )
    return {
        "preview_month": found.month,
        "moves": move_tables([found])[0],
        "taken": [
            f"{number_text(each.lines)} lines, "
            f"{nano_money_text(each.billed_nano, each.kind.currency)} billed "
            f"({each.kind.basis_label.lower()})"
            for each in found.taken
        ],
        "left_over": share_text(rest) if rest else "",
        "corrected": found.corrected,
        "untouched": found.untouched,
        "negative_note": negative_note([found]),
    }


def move_tables(found: Sequence[DryRun]) -> list[MoveTable]:
    """A table of what moves for each dry run. One query, for the names of use cases."""
    places = (
        place for each in found for move in each.moves for place in (move.source, move.target)
    )
    names = use_case_names(place.use_case_id for place in places)
    return [
        MoveTable.of(
            [
                {
                    "source": _name(move.source, names),
                    "target": _name(move.target, names),
                    "billed_nano": move.billed_nano,
                    "effective_nano": move.effective_nano,
                    "currency": move.kind.currency,
                    "basis": move.kind.basis_label,
                }
                for move in each.moves
            ],
            caption=f"What would move in {each.month.label}",
        )
        for each in found
    ]


def closed_text(found: DryRun) -> str:
    """Whose closed lines would move, in a few words; empty when none would."""
    issuers = sorted({each.issuer for each in found.corrected})
    return f"closed: {', '.join(issuers)}" if issuers else ""


def negative_note(found: Sequence[DryRun]) -> str:
    """What a minus means; empty where there is none."""
    moves = (move for each in found for move in each.moves)
    has_minus = any(move.billed_nano < 0 or move.effective_nano < 0 for move in moves)
    return _NEGATIVE if has_minus else ""


def _name(receiver: Receiver, names: dict[int, UseCaseName]) -> str:
    if receiver.use_case_id is not None:
        found = names.get(receiver.use_case_id)
        return found.title if found else "a use case"
    return f"Unallocated: {UnallocatedReason(receiver.reason).label.lower()}"
