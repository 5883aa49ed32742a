"""The judge of what a kill leaves behind sees each state that must not be."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.db import transaction
from django.db.models import F

from billing.models import Charge, ChargeSlice, Usage
from tests.billing.services.quantities import bring, quantity
from tests.imports import line, make_connection, run_import
from tests.reliability.kills.judge import check_invariants

pytestmark = [pytest.mark.both_engines, pytest.mark.django_db]

WRONG: dict[str, tuple[Callable[[], object], str]] = {
    "a cost line gone": (
        lambda: Charge.objects.filter(line=2).update(superseded_at=F("recorded_at")),
        "books do not balance",
    ),
    "a cost line of another amount": (
        lambda: Charge.objects.filter(line=2).update(billed_nano=7),
        "books do not balance",
    ),
    "a slice of another sum": (
        lambda: ChargeSlice.objects.update(billed_nano=7),
        "books do not balance",
    ),
    "a quantity gone": (
        lambda: Usage.objects.filter(day="2026-09-01").delete(),
        "says 1 quantities and has 0",
    ),
    "a quantity of another size": (
        lambda: Usage.objects.filter(day="2026-09-01").update(quantity_micro=7),
        "does not say what its quantities are",
    ),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_what_must_not_be_is_seen(wrong: str) -> None:
    connection = make_connection()
    run_import(connection, [line(3, "1"), line(4, "2")])
    with transaction.atomic():
        bring(connection, [quantity(1), quantity(2)])
    assert check_invariants() == []
    make, told = WRONG[wrong]
    make()
    assert any(told in problem for problem in check_invariants())
