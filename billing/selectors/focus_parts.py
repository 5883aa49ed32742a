"""What the parts of a line have of its other amounts: shared out by the weights of its split."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Any

from billing.allocation.sharing import BaseKey
from billing.allocation.split import split_by_weight
from billing.choices import SplitKind
from billing.models import AllocationRule, AllocationShare
from billing.models.allocation import WHOLE
from billing.selectors.trials import bases_recorded_at

_PLACES = 9  # of a part of a quantity, where the quantity itself has fewer


@dataclass(frozen=True, slots=True)
class PartWeights:
    """By rule: how it shares out, its fixed shares, and the months that it split by."""

    kinds: Mapping[int, str]
    shares: Mapping[int, Mapping[int, int]]
    bases: Mapping[BaseKey, Mapping[int, int]]

    @classmethod
    def load(cls) -> PartWeights:
        """Of all rules that ever were. Three queries."""
        kinds = dict(AllocationRule.objects.values_list("pk", "split"))
        shares: dict[int, dict[int, int]] = defaultdict(dict)
        for rule, use_case, share in AllocationShare.objects.values_list(
            "rule_id", "use_case_id", "share"
        ):
            shares[rule][use_case] = share
        in_proportion = [pk for pk, kind in kinds.items() if kind == SplitKind.PROPORTIONAL]
        bases = {key: dict(each) for key, each in bases_recorded_at(in_proportion).items()}
        return cls(kinds, shares, bases)

    def of(self, parts: Sequence[Mapping[str, Any]]) -> list[int]:
        """The weights of all parts of one line, in their order; not all are zero."""
        first = parts[0]
        kind = self.kinds.get(first["rule_id"])
        if kind in (SplitKind.EVEN, SplitKind.TEAM):
            return [1] * len(parts)
        if kind == SplitKind.PROPORTIONAL:
            month = first["charge__day"].replace(day=1)
            key = BaseKey(
                first["rule_id"], month, first["charge__currency"], first["charge__cost_basis"]
            )
            found = self.bases.get(key, {})
            weights = [found.get(each["use_case_id"], 0) for each in parts]
        else:
            shares = self.shares.get(first["rule_id"], {})
            rest = WHOLE - sum(shares.values())
            weights = [
                rest if each["use_case_id"] is None else shares.get(each["use_case_id"], 0)
                for each in parts
            ]
        if min(weights) > 0:
            return weights
        # Nobody knows the split any more: by what each part was billed.
        billed = [abs(each["billed_nano"]) for each in parts]
        return billed if any(billed) else [1] * len(parts)


def shared_quantity(text: str, weights: Sequence[int]) -> list[Decimal | None]:
    """Parts of a quantity (decimal text; empty is unknown) that sum to it exactly."""
    if not text:
        return [None] * len(weights)
    if len(weights) == 1:
        return [Decimal(text)]
    places = max(_PLACES, len(text.partition(".")[2]))
    whole = int(Fraction(text) * 10**places)
    return [Decimal(f"{part}E-{places}") for part in split_by_weight(whole, weights)]


def shared_nano(nano: int | None, weights: Sequence[int]) -> Sequence[int | None]:
    """Parts of an amount in nano-units (None is unknown) that sum to it exactly."""
    return [None] * len(weights) if nano is None else split_by_weight(nano, weights)
