"""Where a person finds what a notice is about. Services know no addresses of their own."""

from __future__ import annotations

from django.urls import reverse


def budget_address(pk: int) -> str:
    """The page of one budget."""
    return reverse("budget", args=[pk])


def anomaly_address(pk: int) -> str:
    """The page of one anomaly."""
    return reverse("anomaly", args=[pk])


def breaker_address(pk: int) -> str:
    """The page of one circuit breaker."""
    return reverse("breaker", args=[pk])


def invoice_address(pk: int) -> str:
    """The page of one version of an invoice."""
    return reverse("invoice", args=[pk])


def unmapped_address() -> str:
    """The list of names that belong to no use case yet."""
    return reverse("costs-unmapped")


def corrections_address() -> str:
    """The list of what moved in closed months."""
    return reverse("corrections")
