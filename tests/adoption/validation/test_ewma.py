"""G12: the chart of a moving average against its golden numbers."""

from __future__ import annotations

import pytest

from adoption.validation.ewma import ewma

DATA = (
    52.0, 47.0, 53.0, 49.3, 50.1, 47.0, 51.0, 50.1, 51.2, 50.5,
    49.6, 47.6, 49.9, 51.3, 47.8, 51.2, 52.6, 52.4, 53.6, 52.1,
)  # fmt: skip
AVERAGES = (
    50.60, 49.52, 50.56, 50.18, 50.16, 49.21, 49.75, 49.85, 50.26, 50.33,
    50.11, 49.36, 49.52, 50.05, 49.38, 49.92, 50.73, 51.23, 51.94, 51.99,
)  # fmt: skip


def test_g12_averages_and_limits() -> None:
    chart = ewma(DATA, start=50.0, deviation=2.0539)
    assert [round(each, 2) for each in chart.averages] == list(AVERAGES)
    assert (chart.high, chart.low) == pytest.approx((52.5884, 47.4116), abs=1e-3)
    assert chart.signals == ()


def test_a_level_that_moved_is_a_signal_and_one_outlier_is_none() -> None:
    assert ewma([*DATA, 54, 55, 56], start=50.0, deviation=2.0539).signals
    assert not ewma([50, 50, 55, 50, 50], start=50.0, deviation=2.0539).signals


def test_a_weight_outside_of_its_range_is_refused() -> None:
    with pytest.raises(ValueError, match="weight"):
        ewma(DATA, start=50.0, deviation=1.0, weight=0.0)
