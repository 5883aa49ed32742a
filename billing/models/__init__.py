"""The billing room's tables, one noun a file."""

from billing.models.allocation import Allocation, AllocationRule, AllocationShare
from billing.models.charges import Charge, ChargeDimension, ChargeSlice
from billing.models.plans import PricePlan
from billing.models.restatements import Restatement
from billing.models.rollups import DailyCost, MonthlyCost
from billing.models.usage import Usage, UsageDimension, UsageSlice

__all__ = [
    "Allocation",
    "AllocationRule",
    "AllocationShare",
    "Charge",
    "ChargeDimension",
    "ChargeSlice",
    "DailyCost",
    "MonthlyCost",
    "PricePlan",
    "Restatement",
    "Usage",
    "UsageDimension",
    "UsageSlice",
]
