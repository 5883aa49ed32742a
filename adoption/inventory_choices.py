"""Codes of what a use case's record says beyond its claim: the words of public inventory forms.

An empty code means that nobody has said. It is never taken for “no”.
"""

from __future__ import annotations

from django.db import models


class BenefitCheck(models.TextChoices):
    """What a reader can hold the stated benefit against. Worked out, never chosen."""

    NOT_STATED = "not_stated", "Not stated"
    NOTHING_MEASURABLE = "nothing_measurable", "Names nothing measurable"
    NO_NUMBER = "no_number", "Has no number"
    MEASURABLE = "measurable", "Has a number"


class YesNo(models.TextChoices):
    YES = "yes", "Yes"
    NO = "no", "No"


class DataClass(models.TextChoices):
    """The most sensitive data that the use case touches."""

    PUBLIC = "public", "Public"
    INTERNAL = "internal", "Internal"
    CONFIDENTIAL = "confidential", "Confidential"
    RESTRICTED = "restricted", "Restricted"


class Technology(models.TextChoices):
    """The kind of AI that it mainly is."""

    AGENTIC = "agentic", "Agentic AI"
    CLASSICAL = "classical", "Classical or predictive machine learning"
    VISION = "vision", "Computer vision"
    GENERATIVE = "generative", "Generative AI"
    LANGUAGE = "language", "Natural language processing"
    REINFORCEMENT = "reinforcement", "Reinforcement learning"


class Sourcing(models.TextChoices):
    """Where the system comes from."""

    VENDOR = "vendor", "Purchased from a vendor"
    IN_HOUSE = "in_house", "Developed in-house"
    BOTH = "both", "Contracting and in-house"


class Withholding(models.TextChoices):
    """Whether it is kept out of public reports."""

    NO = "no", "No"
    RISK = "risk", "Yes, disclosure would do harm"
    LAW = "law", "Yes, prohibited by law"
    OTHER = "other", "Other"


class AiActRole(models.TextChoices):
    """What the organisation is under the EU AI Act."""

    PROVIDER = "provider", "Provider"
    DEPLOYER = "deployer", "Deployer"
    IMPORTER = "importer", "Importer"
    DISTRIBUTOR = "distributor", "Distributor"
    MANUFACTURER = "manufacturer", "Product manufacturer"
    REPRESENTATIVE = "representative", "Authorised representative"


class HighImpact(models.TextChoices):
    """Whether decisions about people rest on it, as the OMB form asks."""

    HIGH = "high", "High-impact"
    PRESUMED_NOT = "presumed_not", "Presumed high-impact, but determined not to be"
    NOT = "not", "Not high-impact"


class Practice(models.TextChoices):
    """How far a practice for high-impact use is."""

    YES = "yes", "Yes"
    IN_PROGRESS = "in_progress", "In progress"
    NOT_APPLICABLE = "not_applicable", "Not applicable"
    WAIVED = "waived", "Waived"


class Review(models.TextChoices):
    """Who reviewed it that had no part in making it."""

    INTERNAL = "internal", "Another office"
    BOARD = "board", "Oversight board"
    OFFICER = "officer", "Chief AI officer"
    IN_PROGRESS = "in_progress", "In progress"
    WAIVED = "waived", "Waived"


class Appeal(models.TextChoices):
    """Whether somebody whom it affects can contest what it says."""

    YES = "yes", "Established"
    IN_PROGRESS = "in_progress", "In progress"
    NOT_APPLICABLE = "not_applicable", "Not applicable"
    PRECLUDED = "precluded", "Precluded by law"
    WAIVED = "waived", "Waived"


class MarketStatus(models.TextChoices):
    """Status of a high-risk system in the Union (Annex VIII, section A, 7)."""

    ON_MARKET = "on_market", "On the market"
    IN_SERVICE = "in_service", "In service"
    ENDED = "ended", "No longer on the market or in service"
    RECALLED = "recalled", "Recalled"
