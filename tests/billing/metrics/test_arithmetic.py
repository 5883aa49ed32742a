"""Golden arithmetic: figures that others published, to the last digit."""

from __future__ import annotations

from decimal import Decimal

from billing.metrics.arithmetic import (
    RoiInputs,
    cost_avoidance,
    margin_points,
    return_on_investment,
)

CALCULATOR = RoiInputs(
    staff=500,
    salary=Decimal(176_000),
    revenue=Decimal(100_000_000),
    licence=Decimal(250),
    other_ai=Decimal(80),
    training=Decimal(9600),
    infrastructure=Decimal(100_000),
    dip=Decimal("0.15"),
    dip_months=3,
    time_saved=Decimal("0.125"),
    features=50,
    features_after=56,
    success=Decimal("0.33"),
    impact=Decimal("0.005"),
    deployments=50,
    deployments_after=56,
    fail_rate=Decimal("0.05"),
    fail_rate_after=Decimal("0.06"),
    recovery_hours=Decimal(4),
    downtime_cost=Decimal(100_000),
)


def test_cost_to_serve_as_published() -> None:
    avoided = cost_avoidance(1000, Decimal(130_000), Decimal("0.15"))
    assert avoided == 19_500_000
    assert avoided / 2_000_000 == Decimal("9.75")
    points = margin_points(Decimal("0.60"), Decimal("0.15"))
    assert points == Decimal("0.09")
    assert points / Decimal("0.15") == Decimal("0.6")  # of a profit of 15 % of revenue


def test_the_calculator_of_dora() -> None:
    found = return_on_investment(CALCULATOR)
    assert found.hard_costs == 5_065_000
    assert found.dip_cost == 3_300_000
    assert found.investment == 8_365_000
    assert found.reinvestment == 11_000_000
    assert found.feature_revenue == 990_000
    assert found.downtime_saved == -344_000
    assert found.value == 11_646_000
    assert found.benefit == 3_281_000
    assert round(found.share, 2) == Decimal("0.39")
    assert round(found.investment_over_value, 1) == Decimal("0.7")
