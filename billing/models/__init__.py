"""The billing room's tables, one noun a file."""

from billing.models.allocation import Allocation, AllocationRule, AllocationShare, SplitBase
from billing.models.anomalies import Anomaly, AnomalyDay, AnomalyPolicy
from billing.models.breakers import BreakerTrip, CircuitBreaker
from billing.models.budgets import Budget, BudgetAlert
from billing.models.charges import Charge, ChargeDimension, ChargeSlice
from billing.models.closes import CloseCorrection, ClosedPart, PeriodClose
from billing.models.forecasts import Forecast
from billing.models.invoices import Invoice, InvoiceVariance
from billing.models.overlaps import SpendOverlap
from billing.models.plans import PricePlan
from billing.models.rates import ExchangeRate
from billing.models.restatements import Restatement
from billing.models.rollups import DailyCost, MonthlyCost, MonthlyWrite
from billing.models.unmapped import UnmappedTold
from billing.models.usage import Usage, UsageDimension, UsageSlice

__all__ = [
    "Allocation",
    "AllocationRule",
    "AllocationShare",
    "Anomaly",
    "AnomalyDay",
    "AnomalyPolicy",
    "BreakerTrip",
    "Budget",
    "BudgetAlert",
    "Charge",
    "ChargeDimension",
    "ChargeSlice",
    "CircuitBreaker",
    "DailyCost",
    "Forecast",
    "MonthlyCost",
    "MonthlyWrite",
    "PricePlan",
    "CloseCorrection",
    "ClosedPart",
    "DailyCost",
    "ExchangeRate",
    "Invoice",
    "InvoiceVariance",
    "MonthlyCost",
    "PeriodClose",
    "Restatement",
    "SpendOverlap",
    "SplitBase",
    "UnmappedTold",
    "Usage",
    "UsageDimension",
    "UsageSlice",
]
