"""What FOCUS wants a value for and a line does not say: filled in, and named as filled in; and what
it wants none for.

By FOCUS 1.2, a list or contracted cost without a unit price is the billed cost. Names that are
missing are the provider's, a region without a name has that of its id, a line whose pricing
currency nobody states is priced in the one it is billed in, and each service category has a
subcategory for what has none. `x_FilledColumns` names every column that was filled in a row, and an
import of such a file takes what it names as unknown again.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from billing.choices import ChargeCategory
from billing.sources.focus.attribution import names_a_person
from billing.sources.focus.columns import EXTRA, FILLED_BETWEEN, FILLED_COLUMNS
from billing.sources.tables.documents import canonical_json

# In the words of FOCUS: of the closed list of categories, and units of what is counted.
_NO_CATEGORY = "Other"
_NO_UNIT = "Units"
_WHOLE_LINE = ("1", "Charges")
_OF_PROVIDER = ("InvoiceIssuerName", "PublisherName", "ServiceName")
_OF_BILLED = ("EffectiveCost", "ListCost", "ContractedCost")
_PRICED = (ChargeCategory.USAGE, ChargeCategory.PURCHASE)
# New in FOCUS 1.3 and 1.4: no columns of a file of 1.2.
_NEWER = {
    "AllocatedMethodId",
    "AllocatedResourceId",
    "AllocatedResourceName",
    "AllocatedTags",
    "CommitmentProgramEligibilityDetails",
    "HostProviderName",
    "InvoiceDetailId",
}
KEPT = tuple(name for name in EXTRA if name not in _NEWER)
OTHERS = "x_SourceColumns"


def priced(line: Mapping[str, Any]) -> tuple[str, str]:
    """Pricing quantity (decimal text) and unit of a line, by FOCUS column, filled where usage or a
    purchase must have them: as consumed, or as one charge."""
    quantity, unit = line["PricingQuantity"], line["PricingUnit"]
    if quantity:
        return quantity, unit or _NO_UNIT
    if line["ChargeCategory"] not in _PRICED or line["ChargeClass"]:
        return quantity, unit
    if line["ConsumedQuantity"] and line["ConsumedUnit"]:
        return line["ConsumedQuantity"], line["ConsumedUnit"]
    return _WHOLE_LINE


def empty_forbidden(line: dict[str, Any]) -> None:
    """Take from a line, by FOCUS column, the quantities that FOCUS wants null: no usage, and no
    commitment that nobody used, consumes anything; tax has no price. A unit goes with its quantity.
    """
    is_used = line["CommitmentDiscountStatus"] != "Unused"
    if line["ChargeCategory"] != ChargeCategory.USAGE or not is_used:
        line["ConsumedQuantity"] = ""
    if line["ChargeCategory"] == ChargeCategory.TAX:
        line["PricingQuantity"] = ""
    for kind in ("Consumed", "Pricing"):
        if not line[f"{kind}Quantity"]:
            line[f"{kind}Unit"] = ""


def fill(row: dict[str, Any], stated: Mapping[str, Any]) -> None:
    """Give a row, by FOCUS column, what it may not be without, and name it in `x_FilledColumns`.

    Args:
        row: its pricing quantity and unit are filled already; see `priced`.
        stated: quantity and unit as the line states them.
    """
    filled = [name for name, value in stated.items() if not value and row[name]]
    given = dict.fromkeys(_OF_PROVIDER, row["ProviderName"])
    given |= dict.fromkeys(_OF_BILLED, row["BilledCost"]) | {"ServiceCategory": _NO_CATEGORY}
    category = row["ServiceCategory"] or _NO_CATEGORY
    given |= {
        "ServiceSubcategory": f"{_NO_CATEGORY} ({category})",
        "PricingCurrency": row["BillingCurrency"],
        "RegionName": row["RegionId"],
    }
    for name, value in given.items():
        if row.get(name) in (None, "") and value not in (None, ""):
            row[name] = value
            filled.append(name)
    row[FILLED_COLUMNS] = FILLED_BETWEEN.join(sorted(filled))


def kept_columns(extra: str, principal: str) -> dict[str, str]:
    """What a source said beside the named fields, by column; its own columns as one JSON object,
    without those that name a person."""
    loaded: dict[str, Any] = json.loads(extra) if extra else {}
    found = {name: _text(loaded.pop(name)) for name in KEPT if name in loaded}
    others = _without_people(loaded, principal)
    return found | ({OTHERS: canonical_json(others)} if others else {})


def impersonal_tags(tags: str, principal: str) -> str:
    """The tags of a line without those that name a person."""
    loaded: dict[str, Any] = json.loads(tags) if tags else {}
    left = _without_people(loaded, principal)
    return tags if len(left) == len(loaded) else canonical_json(left)


def _without_people(values: Mapping[str, Any], principal: str) -> dict[str, Any]:
    who = principal.casefold()
    return {
        name: value
        for name, value in values.items()
        if not names_a_person(name.removeprefix("x_"))
        and not (who and who in _text(value).casefold())
    }


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
