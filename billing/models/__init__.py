"""The billing room's tables, one noun a file."""

from billing.models.allocation import Allocation, AllocationRule, AllocationShare
from billing.models.charges import Charge, ChargeDimension, ChargeSlice
from billing.models.closes import CloseCorrection, ClosedPart, PeriodClose
from billing.models.invoices import Invoice, InvoiceVariance
from billing.models.rates import ExchangeRate
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
    "CloseCorrection",
    "ClosedPart",
    "DailyCost",
    "ExchangeRate",
    "Invoice",
    "InvoiceVariance",
    "MonthlyCost",
    "PeriodClose",
    "Restatement",
    "Usage",
    "UsageDimension",
    "UsageSlice",
]
