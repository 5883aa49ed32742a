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


class MatchMode(models.TextChoices):
    EQUALS = "equals", "equals"
    STARTS_WITH = "starts_with", "starts with"


class UnallocatedReason(models.TextChoices):
    """Why money has no use case; shown wherever the money is."""

    NO_RULE = "no_rule", "No rule matches"
    REMAINDER = "remainder", "Not shared out by the rule"


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
