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
    PROVIDER = "provider", "Provider"
    BILLING_ACCOUNT = "billing_account", "Billing account"
    API_KEY = "api_key", "API key"
    COST_CENTER = "cost_center", "Cost centre"
    REPOSITORY = "repository", "Repository"
    PRINCIPAL = "principal", "Principal"
    TEAM = "team", "Team of the principal"
    MODEL = "model", "Model"
    SKU = "sku", "SKU"
    CHARGE_CATEGORY = "charge_category", "Charge category"
    COMMITMENT = "commitment", "Commitment"
    CONNECTION = "connection", "Connection"


class MatchMode(models.TextChoices):
    EQUALS = "equals", "equals"
    STARTS_WITH = "starts_with", "starts with"
    ONE_OF = "one_of", "is one of"


class SplitKind(models.TextChoices):
    """How a rule shares out what it takes."""

    FIXED = "fixed", "Fixed shares"
    EVEN = "even", "Evenly"
    PROPORTIONAL = "proportional", "In proportion to direct cost of the month"
    TEAM = "team", "To the use cases of the principal's team"


class UnallocatedReason(models.TextChoices):
    """Why money has no use case; shown wherever the money is."""

    NO_RULE = "no_rule", "No rule matches"
    REMAINDER = "remainder", "Not shared out by the rule"
    UNUSED_COMMITMENT = "unused_commitment", "Unused commitment"
    NO_BASE = "no_base", "Nothing to share it by"
    UNKNOWN_TEAM = "unknown_team", "Principal of no known team"
    NO_TEAM_USE_CASE = "no_team_use_case", "Team without a use case"
    NOT_COUNTED = "not_counted", "Not counted: another source has it"
