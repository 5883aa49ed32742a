"""What rounding did to amounts: at import, and when a line was split.

A source may send more digits than are kept. Amounts are rounded half even, once, when they are
imported; what a run lost or gained by it is its residue. A split gives whole nano-units, and those
left over go to the largest remainders.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from billing.allocation.sharing import Rounded
from billing.models import Allocation, AllocationRule, Charge
from billing.selectors.raw_records import RawRecord
from billing.selectors.trials import allocator_for, stream_charges, trial_rules
from portal.models import ImportRun
from portal.shell.addresses import address_of
from portal.shell.money import AmountOutOfRangeError, nano_text, to_nano

UNIT = nano_text(1)
# Columns in which bills state these amounts: FOCUS, and AWS's own reports. A cell counts only when
# it rounds to what is stored, so a column that means something else is never taken for it.
_COLUMNS = {
    "billed": ("BilledCost", "line_item_unblended_cost", "line_item_net_unblended_cost"),
    "effective": ("EffectiveCost",),
    "list": ("ListCost", "pricing_public_on_demand_cost"),
    "contracted": ("ContractedCost",),
}


@dataclass(frozen=True, slots=True)
class RunResidue:
    """What an import run read less what it stored: by currency and measure, as decimal text.

    Of all its lines together. `is_zero` does not say that each of them was exact.
    """

    run: int
    residue: Mapping[str, Mapping[str, str]]

    @property
    def url(self) -> str:
        """The page of the run."""
        return address_of("import-run", self.run)

    @property
    def is_zero(self) -> bool:
        return not any(Decimal(text) for sums in self.residue.values() for text in sums.values())

    @property
    def text(self) -> str:
        """For people: `0.0000000005 USD billed`."""
        said = [
            f"{text} {currency} {measure}"
            for currency, sums in sorted(self.residue.items())
            for measure, text in sorted(sums.items())
            if Decimal(text)
        ]
        return ", ".join(said) or "nothing"


def residues_of(runs: Iterable[int]) -> list[RunResidue]:
    """The residues of these runs, in order. One query."""
    wanted = set(runs)
    if not wanted:
        return []
    rows = ImportRun.objects.filter(pk__in=wanted).order_by("pk")
    return [RunResidue(*row) for row in rows.values_list("pk", "totals_residue")]


def written_amounts(charge: Charge, raw: RawRecord) -> dict[str, str]:
    """Amounts as the source wrote them, by measure, where its record has them in a known column."""
    cells = {name.strip().casefold(): value.strip() for name, value in raw.cells}
    stored = {
        "billed": charge.billed_nano,
        "effective": charge.effective_nano,
        "list": charge.list_nano,
        "contracted": charge.contracted_nano,
    }
    found = {}
    for measure, columns in _COLUMNS.items():
        for column in columns:
            text = cells.get(column.casefold(), "")
            if text and _nano_of(text) == stored[measure]:
                found[measure] = text
                break
    return found


def is_exact(text: str, nano: int) -> bool:
    """Whether the source's text says this amount and nothing beyond it."""
    return Decimal(text) == Decimal(nano).scaleb(-9)


def _nano_of(text: str) -> int | None:
    try:
        return to_nano(Decimal(text))
    except (InvalidOperation, AmountOutOfRangeError):
        return None


def rounded_parts(charge: Charge, parts: Iterable[Allocation]) -> dict[int | None, Rounded]:
    """How the stored parts of a split line were rounded, by use case (None: unallocated).

    Worked out again by the rule that made them, and only told when that gives the very same
    parts: teams may be known otherwise since. Empty for a line that was not split.
    """
    stored = {part.use_case_id: part for part in parts}
    numbers = {part.rule_id for part in stored.values() if part.rule_id is not None}
    if len(stored) < 2 or len(numbers) != 1:
        return {}
    rules = trial_rules(AllocationRule.objects.filter(pk__in=numbers))
    found = _rounded(charge, rules, charge.superseded_at)
    amounts = {key: (part.billed_nano, part.effective_nano) for key, part in stored.items()}
    again = {key: (each.part.billed, each.part.effective) for key, each in found.items()}
    return found if again == amounts else {}


def _rounded(charge: Charge, rules: Any, at: dt.datetime | None) -> dict[int | None, Rounded]:
    charges = Charge.objects.filter(pk=charge.pk)
    allocator = allocator_for(charges, rules, at=at)
    return {
        each.part.use_case_id: each
        for trial in stream_charges(charges)
        for each in allocator.rounded(trial.line)
    }
