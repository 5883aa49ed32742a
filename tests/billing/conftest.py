"""Worlds of cost that many modules look at: made once a module, read anew by each test."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.billing.settled import Settled, make_settled
from tests.standing import Stand, standing

__all__ = ["settled", "standing", "standing_settled"]


@pytest.fixture(scope="module")
def standing_settled(standing: Stand) -> Settled:
    """Made once a module; what a test does to it is rolled back."""
    return standing(make_settled)


@pytest.fixture
def settled(standing_settled: Settled, db: None) -> Settled:
    """The month with an amount of every status, as it is stored."""
    made = standing_settled
    for row in (made.case, made.finance, *made.invoices.values(), *made.closes.values()):
        row.refresh_from_db()
    return replace(made, invoices=dict(made.invoices), closes=dict(made.closes))
