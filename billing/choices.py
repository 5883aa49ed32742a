"""Codes of the billing room's words, as FOCUS spells them where FOCUS has them."""

from __future__ import annotations

from django.db import models


class CostBasis(models.TextChoices):
    """Where an amount comes from. Amounts of different bases are never added."""

    INVOICED = "invoiced", "Invoiced"
    METERED = "metered", "Metered"
    ESTIMATED = "estimated", "Estimated"
    DERIVED = "derived", "Derived"


class Finality(models.TextChoices):
    """Whether the source may still change an amount."""

    OPEN = "open", "Open"
    PROVISIONAL = "provisional", "Provisional"
    FINAL = "final", "Final"
    RESTATED = "restated", "Restated"


class ChargeCategory(models.TextChoices):
    USAGE = "Usage", "Usage"
    PURCHASE = "Purchase", "Purchase"
    TAX = "Tax", "Tax"
    CREDIT = "Credit", "Credit"
    ADJUSTMENT = "Adjustment", "Adjustment"


class MatchField(models.TextChoices):
    """The attribute of a charge that an allocation rule looks at."""

    TAG = "tag", "Tag"
    SUB_ACCOUNT = "sub_account", "Sub-account"
    SERVICE = "service", "Service"
    RESOURCE = "resource", "Resource"


class MatchMode(models.TextChoices):
    EQUALS = "equals", "equals"
    STARTS_WITH = "starts_with", "starts with"


class UnallocatedReason(models.TextChoices):
    """Why money has no use case; shown wherever the money is."""

    NO_RULE = "no_rule", "No rule matches"
    REMAINDER = "remainder", "Not shared out by the rule"


class PlanPeriod(models.TextChoices):
    """What the price of a seat pays for."""

    MONTH = "month", "Month"
    YEAR = "year", "Year"
