"""The columns of a FOCUS cost data set: what each is for and where it stands in one file.

Names are those of the FOCUS specification, versions 1.0 to 1.4, taken from its column tables.
A header is matched without regard to case and order.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from portal.imports.contracts import ImportRefusedError, Note
from portal.wording import counted

MONEY = ("BilledCost", "EffectiveCost", "ListCost", "ContractedCost")
QUANTITIES = ("PricingQuantity", "ConsumedQuantity")
PERIODS = (
    "ChargePeriodStart",
    "ChargePeriodEnd",
    "BillingPeriodStart",
    "BillingPeriodEnd",
)
CURRENCY = "BillingCurrency"
# 1.3 adds the second name, 1.4 drops the first.
OLD_PROVIDER = "ProviderName"
PROVIDER = "ServiceProviderName"
TAGS = "Tags"

# Dimension field → FOCUS column, in the order of `Dimension`; provider, tags and extra apart.
TEXT_FIELDS = {
    "billing_account_id": "BillingAccountId",
    "billing_account_name": "BillingAccountName",
    "sub_account_id": "SubAccountId",
    "sub_account_name": "SubAccountName",
    "publisher": "PublisherName",
    "invoice_issuer": "InvoiceIssuerName",
    "invoice_id": "InvoiceId",
    "service_category": "ServiceCategory",
    "service_name": "ServiceName",
    "sku_id": "SkuId",
    "sku_price_id": "SkuPriceId",
    "sku_meter": "SkuMeter",
    "resource_id": "ResourceId",
    "resource_name": "ResourceName",
    "resource_type": "ResourceType",
    "region_id": "RegionId",
    "charge_category": "ChargeCategory",
    "charge_class": "ChargeClass",
    "charge_frequency": "ChargeFrequency",
    "charge_description": "ChargeDescription",
    "pricing_category": "PricingCategory",
    "pricing_unit": "PricingUnit",
    "pricing_currency": "PricingCurrency",
    "consumed_unit": "ConsumedUnit",
    "commitment_discount_id": "CommitmentDiscountId",
    "commitment_discount_status": "CommitmentDiscountStatus",
}

# Repeats from line to line but has no field of its own: kept in `extra`.
EXTRA = (
    "AllocatedMethodId",
    "AllocatedResourceId",
    "AllocatedResourceName",
    "AllocatedTags",
    "AvailabilityZone",
    "BillingAccountType",
    "CapacityReservationId",
    "CapacityReservationStatus",
    "CommitmentDiscountCategory",
    "CommitmentDiscountName",
    "CommitmentDiscountType",
    "CommitmentDiscountUnit",
    "CommitmentProgramEligibilityDetails",
    "HostProviderName",
    "InvoiceDetailId",
    "RegionName",
    "ServiceSubcategory",
    "SkuPriceDetails",
    "SubAccountType",
)

# An amount, price or quantity of the single line: kept in `measures`, never in the dimension,
# which would otherwise be a new one for every line.
MEASURES = (
    "AllocatedMethodDetails",
    "CommitmentDiscountQuantity",
    "ContractApplied",
    "ContractedUnitPrice",
    "ListUnitPrice",
    "PricingCurrencyContractedUnitPrice",
    "PricingCurrencyEffectiveCost",
    "PricingCurrencyListUnitPrice",
)
# Oracle's custom columns begin with oci_; its reference numbers are another for every line, as are
# Google's credits, which hold amounts, and the moment at which it wrote the line.
CUSTOM = ("x_", "oci_")
_CUSTOM_MEASURE = re.compile(
    r"(?:x|oci)_.*(?:Cost|Price|Quantity|Amount|Savings|ExchangeRate)(?:InUsd|Overage)?"
    r"|oci_AttributedUsage|oci_(?:Back)?ReferenceNumber|x_Credits|x_ExportTime",
    re.IGNORECASE,
)

# Without these a sum, its currency, its day or its owner would be a guess.
REQUIRED = (
    "BilledCost",
    "EffectiveCost",
    CURRENCY,
    "BillingPeriodStart",
    "BillingPeriodEnd",
    "ChargePeriodStart",
    "ChargePeriodEnd",
    "BillingAccountId",
    "ChargeCategory",
    "ServiceName",
)
# FOCUS 1.0 to 1.2 make these mandatory too; the money stands without them, so a Note is enough.
EXPECTED = (
    "ListCost",
    "ContractedCost",
    "BillingAccountName",
    "ChargeClass",
    "ChargeDescription",
    "PricingQuantity",
    "PricingUnit",
    "InvoiceIssuerName",
    "ServiceCategory",
)
# In a file that this portal wrote: the columns of a row that the line itself did not state, filled
# because FOCUS allows them no null, or nothing. See `billing.selectors.focus_export`.
FILLED_COLUMNS = "x_FilledColumns"
FILLED_BETWEEN = " "
# Cut short, these would still look whole: a cut amount is an amount, a cut date may be a date.
CUT_WOULD_NOT_SHOW = frozenset((*MONEY, *QUANTITIES, *PERIODS, CURRENCY, "ChargeClass", *MEASURES))

KNOWN = frozenset(
    (*MONEY, *QUANTITIES, *PERIODS, CURRENCY, OLD_PROVIDER, PROVIDER, TAGS)
    + (*TEXT_FIELDS.values(), *EXTRA, *MEASURES)
)
_BY_LOWER = {name.lower(): name for name in KNOWN}

# A column that only this other data set has → what to call it.
_OTHER_DATA_SETS = {
    "contractcommitmentid": "the FOCUS data set Contract Commitment",
    "contractcommitmentcost": "the FOCUS data set Contract Commitment",
    "billingperiodstatus": "the FOCUS data set Billing Period",
    "billingperiodlastupdated": "the FOCUS data set Billing Period",
    "invoicedetailid": "the FOCUS data set Invoice Detail",
    "amortizedcost": "a FOCUS version before 1.0",
    "chargetype": "a FOCUS version before 1.0",
    "line_item_unblended_cost": "an AWS Cost and Usage Report 2.0",
    "lineitem/unblendedcost": "an AWS Cost and Usage Report",
    "costinbillingcurrency": "an Azure cost details file",
}


def is_measure(name: str) -> bool:
    """Whether a column holds an amount, price or quantity beyond the main six."""
    return name in MEASURES or _CUSTOM_MEASURE.fullmatch(name) is not None


@dataclass(frozen=True, slots=True)
class Layout:
    """Where the columns of one file stand.

    `names` are the header's, known ones in FOCUS spelling. An absent column has the index
    `width`, one past the last cell: readers of a row see an empty cell there.
    """

    names: tuple[str, ...]
    money: tuple[int, int, int, int]
    quantities: tuple[int, int]
    currency: int
    periods: tuple[int, int, int, int]
    dimension: tuple[int, ...]
    measures: tuple[int, ...]
    notes: tuple[Note, ...]

    @property
    def width(self) -> int:
        """Number of cells that every record must have."""
        return len(self.names)

    def name(self, index: int) -> str:
        """The column's name; empty when the file does not have it."""
        return self.names[index] if index < len(self.names) else ""


def resolve_layout(
    header: Sequence[str],
    *,
    file: str,
    line: int | None,
    max_columns: int,
    wanted: Collection[str] = (),
) -> Layout:
    """Find every column once, so that reading a row is indexing only.

    Args:
        header: the header's cells as they came.
        file: name of the file, for messages.
        line: the header's line, None where there are no lines (Parquet).
        max_columns: more than this are refused.
        wanted: further columns to keep, in small letters.

    Raises:
        ImportRefusedError: too many, doubled or missing columns, or another data set.
    """
    if len(header) > max_columns:
        raise ImportRefusedError(
            "too_many_columns",
            "the header has too many columns",
            file=file,
            line=line,
            value=str(len(header)),
            expected=f"at most {max_columns} columns",
        )
    stripped = [cell.strip().removeprefix("\ufeff").strip() for cell in header]
    names = tuple(_BY_LOWER.get(cell.lower(), cell) for cell in stripped)
    _refuse_doubled(names, file, line)
    _refuse_missing(names, file, line)
    at = {name: index for index, name in enumerate(names)}
    absent = len(names)
    measures = tuple(index for index, name in enumerate(names) if is_measure(name))
    taken = {at.get(name, absent) for name in (*MONEY, *QUANTITIES, *PERIODS, CURRENCY)}
    taken |= set(measures)
    dimension = tuple(
        index for index, name in enumerate(names) if index not in taken and _is_kept(name, wanted)
    )
    billed, effective, listed, contracted = (at.get(name, absent) for name in MONEY)
    priced, consumed = (at.get(name, absent) for name in QUANTITIES)
    charge_start, charge_end, billing_start, billing_end = (at[name] for name in PERIODS)
    return Layout(
        names=names,
        money=(billed, effective, listed, contracted),
        quantities=(priced, consumed),
        currency=at[CURRENCY],
        periods=(charge_start, charge_end, billing_start, billing_end),
        dimension=dimension,
        measures=measures,
        notes=_layout_notes(names, file, wanted),
    )


def _is_kept(name: str, wanted: Collection[str]) -> bool:
    lower = name.lower()
    return name in KNOWN or lower.startswith(CUSTOM) or lower in wanted


def _refuse_doubled(names: Sequence[str], file: str, line: int | None) -> None:
    counts = Counter(name.lower() for name in names if name)
    doubled = [name for name in dict.fromkeys(names) if counts.get(name.lower(), 0) > 1]
    if doubled:
        raise ImportRefusedError(
            "duplicate_column",
            "the header names a column twice",
            file=file,
            line=line,
            column=", ".join(doubled),
            expected="every column once",
        )


def _refuse_missing(names: Sequence[str], file: str, line: int | None) -> None:
    missing = [name for name in REQUIRED if name not in names]
    if OLD_PROVIDER not in names and PROVIDER not in names:
        missing.append(f"{PROVIDER} (or {OLD_PROVIDER})")
    if not missing:
        return
    lower = {name.lower() for name in names}
    found = ", ".join(names)
    if "BilledCost" in missing:
        for column, data_set in _OTHER_DATA_SETS.items():
            if column in lower:
                raise ImportRefusedError(
                    "not_cost_data",
                    f"this looks like {data_set}, not like FOCUS cost and usage data",
                    file=file,
                    line=line,
                    column=", ".join(missing),
                    value=found,
                    expected="the FOCUS data set Cost and Usage, which has these columns",
                )
    expected = "a FOCUS cost and usage header with these columns"
    if len(names) == 1 and (mark := next((m for m in ";\t|" if m in found), "")):
        expected += f", cells separated by commas (they seem to be separated by {mark!r})"
    raise ImportRefusedError(
        "missing_columns",
        f"{counted(len(missing), 'required column is', 'required columns are')} missing",
        file=file,
        line=line,
        column=", ".join(missing),
        value=found,
        expected=expected,
    )


def _layout_notes(names: Sequence[str], file: str, wanted: Collection[str]) -> tuple[Note, ...]:
    notes = []
    absent = [name for name in EXPECTED if name not in names]
    if absent:
        notes.append(
            Note(
                "missing_optional_columns",
                f"{file}: FOCUS columns that are not there and stay unknown: {', '.join(absent)}",
            )
        )
    lower = {name.lower() for name in names}
    if lost := sorted(name for name in wanted if name not in lower):
        notes.append(
            Note(
                "configured_columns_missing",
                f"{file}: columns that the connection names and the file does not have: "
                f"{', '.join(lost)}",
            )
        )
    unknown = [name for name in names if not _is_kept(name, wanted)]
    if unknown:
        shown = ", ".join(name[:60] or "(no name)" for name in unknown[:20])
        more = f" and {len(unknown) - 20} more" if len(unknown) > 20 else ""
        notes.append(
            Note("unknown_columns", f"{file}: columns unknown to FOCUS, ignored: {shown}{more}")
        )
    return tuple(notes)
