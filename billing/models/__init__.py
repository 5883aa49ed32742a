"""The billing room's tables, one noun a file."""

from billing.models.allocation import Allocation, AllocationRule, AllocationShare, SplitBase
from billing.models.charges import Charge, ChargeDimension, ChargeSlice
from billing.models.overlaps import SpendOverlap
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
    "Restatement",
    "SpendOverlap",
    "SplitBase",
    "Usage",
    "UsageDimension",
    "UsageSlice",
]
