"""Codes of the billing room's words, as FOCUS spells them where FOCUS has them."""

from __future__ import annotations

from django.db import models

# Sources whose input is everything that an account is charged for a billing period.
EXPORT_SOURCES = ("aws",)


class CostBasis(models.TextChoices):
    """Where an amount comes from. Amounts of different bases are never added."""

    INVOICED = "invoiced", "Invoiced"
    METERED = "metered", "Metered"
    ESTIMATED = "estimated", "Estimated"
    DERIVED = "derived", "Derived"


class Finality(models.TextChoices):
    """Whether an amount may still change: by its source, or because nobody has closed it."""

    OPEN = "open", "Open"
    PROVISIONAL = "provisional", "Provisional"
    FINAL = "final", "Final"
    RESTATED = "restated", "Restated"
    CLOSED = "closed", "Closed"


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


class Measure(models.TextChoices):
    """Which of the two costs of a line is meant."""

    BILLED = "billed", "Billed"
    EFFECTIVE = "effective", "Effective"


class BudgetPeriod(models.TextChoices):
    """For how long an amount is meant. Quarters and years are the programme's fiscal ones."""

    MONTH = "month", "Each month"
    QUARTER = "quarter", "Each quarter"
    YEAR = "year", "Each year"
    WHOLE = "whole", "The whole time"


class BudgetThreshold(models.TextChoices):
    """What a budget alerts about, once a period each."""

    HALF = "50", "50 % used"
    MOST = "80", "80 % used"
    ALL = "100", "All used"
    FORECAST = "forecast", "Forecast to be crossed"


class AnomalyState(models.TextChoices):
    """How a day of one use case was judged."""

    LEARNING = "learning", "Learning"
    NORMAL = "normal", "As expected"
    ANOMALY = "anomaly", "Anomaly"


class AnomalyReason(models.TextChoices):
    """What an owner says about an anomaly. The first three were acted upon."""

    MENDED = "mended", "A fault; it was mended"
    LIMITED = "limited", "Too much; it was limited"
    DISPUTED = "disputed", "A billing error; disputed with the provider"
    GROWTH = "growth", "Expected growth"
    ONE_OFF = "one_off", "A planned one-off"
    PRICE = "price", "A change of price"
    OTHER = "other", "Something else"


ACTIONED_REASONS = (AnomalyReason.MENDED, AnomalyReason.LIMITED, AnomalyReason.DISPUTED)


class BreakerField(models.TextChoices):
    """By which attribute of a charge a circuit breaker knows the spend of its job."""

    TAG = "tag", "Tag"
    API_KEY = "api_key", "API key"
    SUB_ACCOUNT = "sub_account", "Workspace, project or sub-account"


class BreakerWindow(models.TextChoices):
    """For how long a limit is meant (UTC)."""

    HOUR = "hour", "An hour"
    DAY = "day", "A day"


class BreakerState(models.TextChoices):
    """As with fuses: closed lets pass, open has tripped."""

    CLOSED = "closed", "Closed"
    OPEN = "open", "Open"
    ENDED = "ended", "Ended"


class PlanPeriod(models.TextChoices):
    """What the price of a seat pays for."""

    MONTH = "month", "Month"
    YEAR = "year", "Year"


class VarianceReason(models.TextChoices):
    """Why an invoice and its cost lines differ."""

    ROUNDING = "rounding", "Rounding by the issuer"
    TAX = "tax_not_in_lines", "Tax that the source does not send"
    CREDIT = "credit_not_in_lines", "Credit that the source does not send"
    MISSING_LINES = "missing_lines", "Cost lines that the source does not send"
    TIMING = "timing", "Billed in another month"
    EXCHANGE = "exchange", "Exchange rate of the issuer"
    DISPUTED = "disputed", "Disputed with the issuer"
    OTHER = "other", "Other"


class MatchedBy(models.TextChoices):
    """How the cost lines of an invoice were found."""

    NUMBER = "number", "By invoice number"
    ACCOUNT = "account", "By issuer, account and month"
    AMBIGUOUS = "ambiguous", "Several invoices claim the same lines"
    NOTHING = "nothing", "No cost line found"


class CloseState(models.TextChoices):
    """How far a month of an issuer has come."""

    DIFFERS = "differs", "Does not tie yet"
    WAITING = "waiting", "Ties, still open at the source"
    READY = "ready", "Ready to close"
    ASKED = "asked", "Waits for a second person"
    CLOSED = "closed", "Closed"
    CORRECTED = "corrected", "Closed, with corrections"


class CorrectionCause(models.TextChoices):
    """What moved money of a closed month."""

    IMPORT = "import", "A late revision by the source"
    REALLOCATION = "reallocation", "Allocated anew"
    INVOICE = "invoice", "Another invoice"
