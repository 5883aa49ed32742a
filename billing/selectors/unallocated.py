"""Money that no rule takes, by what a rule could look at: the finance partner's work list."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from django.db.models import Count, F, QuerySet
from django.db.models.expressions import Combinable

from billing.allocation.match import tags_of
from billing.choices import MatchField, MatchMode, UnallocatedReason
from billing.models import Allocation
from billing.selectors.costs import Kind
from billing.selectors.sums import MonthOf, nano_sums, read_nano
from portal.shell.periods import Month

_COLUMNS: dict[str, Combinable] = {
    MatchField.SUB_ACCOUNT: F("charge__dimension__sub_account_id"),
    MatchField.SERVICE: F("charge__dimension__service_name"),
    MatchField.TAG: F("charge__dimension__tags"),
    MatchField.RESOURCE: F("charge__dimension__resource_id"),
    MatchField.API_KEY: F("charge__dimension__api_key_id"),
    MatchField.REPOSITORY: F("charge__dimension__repository"),
    MatchField.COST_CENTER: F("charge__dimension__cost_center"),
    MatchField.BILLING_ACCOUNT: F("charge__dimension__billing_account_id"),
    MatchField.PROVIDER: F("charge__dimension__provider"),
    MatchField.MODEL: F("charge__dimension__model"),
    MatchField.SKU: F("charge__dimension__sku_id"),
}
_NAMES: dict[str, Combinable] = {
    MatchField.SUB_ACCOUNT: F("charge__dimension__sub_account_name"),
    MatchField.RESOURCE: F("charge__dimension__resource_name"),
    MatchField.BILLING_ACCOUNT: F("charge__dimension__billing_account_name"),
    MatchField.SKU: F("charge__dimension__sku_meter"),
}
# People are not listed with what they cost: a rule by principal is written by hand.
ATTRIBUTES = tuple(_COLUMNS)


@dataclass(slots=True)
class Candidate:
    """Unallocated money that one rule could take, in nano-units of one kind.

    The same money stands under its sub-account, its service and each of its tags, so candidates
    are never added up.
    """

    attribute: str
    tag_key: str
    value: str
    name: str
    kind: Kind
    lines: int = 0
    billed_nano: int = 0
    effective_nano: int = 0
    months: set[str] = field(default_factory=set)

    @property
    def rule_query(self) -> dict[str, str]:
        """What the form of a new rule is filled with."""
        return {
            "field": self.attribute,
            "tag_key": self.tag_key,
            "mode": MatchMode.EQUALS,
            "value": self.value,
        }


def unallocated_candidates(
    *, field: str, month: Month, last: Month | None = None, limit: int = 2_000
) -> tuple[list[Candidate], bool]:
    """Unallocated money without a rule in `month` (UTC), or from it to `last`, by one attribute.

    Largest first; one query over the unallocated lines of those months.

    Returns:
        at most `limit` candidates, and whether there are more.
    """
    found: dict[tuple[str, str, Kind], Candidate] = {}
    for row in _rows(field, month, last or month):
        kind = Kind(row["charge__currency"], row["charge__cost_basis"])
        for tag_key, value in _values(field, row["wanted"]):
            candidate = found.get((tag_key, value, kind))
            if candidate is None:
                candidate = Candidate(field, tag_key, value, row.get("shown") or "", kind)
                found[tag_key, value, kind] = candidate
            candidate.months.add(row["by_month"])
            candidate.lines += row["lines"]
            candidate.billed_nano += read_nano(row, "billed")
            candidate.effective_nano += read_nano(row, "effective")
    ordered = sorted(
        found.values(), key=lambda each: (-abs(each.billed_nano), each.tag_key, each.value)
    )
    return ordered[:limit], len(ordered) > limit


def _rows(field: str, first: Month, last: Month) -> QuerySet[Allocation, Any]:
    columns: dict[str, Combinable] = {"wanted": _COLUMNS[field], "by_month": MonthOf("day")}
    if field in _NAMES:
        columns["shown"] = _NAMES[field]
    return (
        Allocation.objects.filter(
            use_case__isnull=True,
            day__gte=first.start,
            day__lt=last.end,
            unallocated_reason=UnallocatedReason.NO_RULE,
            charge__superseded_at__isnull=True,
        )
        .order_by()
        .values("charge__currency", "charge__cost_basis", **columns)
        .annotate(**nano_sums(billed="billed_nano", effective="effective_nano"), lines=Count("pk"))
    )


def _values(field: str, text: str) -> list[tuple[str, str]]:
    if field != MatchField.TAG:
        return [("", text)] if text else []
    return [(key, value) for key, value in tags_of(text).items() if value]
