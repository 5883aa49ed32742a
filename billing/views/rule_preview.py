"""A dry run as a page shows it."""

from __future__ import annotations

from typing import Any

from billing.choices import SplitKind, UnallocatedReason
from billing.models.allocation import WHOLE
from billing.selectors.allocation_rules import share_text
from billing.selectors.dry_runs import DryRun, Receiver
from billing.selectors.use_cases import UseCaseName, use_case_names
from billing.services.allocation_rules import RuleDraft
from billing.tables.allocation_rules import MoveTable
from portal.shell.formats import nano_money_text, number_text


def preview_context(found: DryRun, *, draft: RuleDraft | None = None) -> dict[str, Any]:
    """Variables of `billing/_rule_preview.html`."""
    receivers = [each for move in found.moves for each in (move.source, move.target)]
    names = use_case_names(each.use_case_id for each in receivers)
    rows = [
        {
            "source": _name(move.source, names),
            "target": _name(move.target, names),
            "billed_nano": move.billed_nano,
            "effective_nano": move.effective_nano,
            "currency": move.kind.currency,
            "basis": move.kind.basis_label,
        }
        for move in found.moves
    ]
    rest = (
        WHOLE - sum(share for _, share in draft.shares)
        if draft and draft.split == SplitKind.FIXED
        else 0
    )
    return {
        "preview_month": found.month,
        "moves": MoveTable.of(rows),
        "taken": [
            f"{number_text(each.lines)} lines, "
            f"{nano_money_text(each.billed_nano, each.kind.currency)} billed "
            f"({each.kind.basis_label.lower()})"
            for each in found.taken
        ],
        "left_over": share_text(rest) if rest else "",
    }


def _name(receiver: Receiver, names: dict[int, UseCaseName]) -> str:
    if receiver.use_case_id is not None:
        found = names.get(receiver.use_case_id)
        return found.title if found else "a use case"
    return f"Unallocated: {UnallocatedReason(receiver.reason).label.lower()}"
