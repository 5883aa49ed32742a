"""How a served value is calculated again."""

from __future__ import annotations

import pytest

from adoption.metrics.contracts import Computed
from adoption.metrics.registry import computed_versions, metrics
from adoption.selectors.frozen_values import calculate_of


@pytest.mark.django_db
def test_where_there_were_no_facts_nothing_is_calculated_again_of_any_metric() -> None:
    windowed = [each for metric in metrics for each in computed_versions(metric)]
    assert len(windowed) > len({each.key for each in windowed})  # a version before is among them
    for metric in windowed:
        calculate = calculate_of(metric.key, metric.version)
        assert calculate is not None, metric.key
        assert calculate({}) == Computed(nano=None, reason="no_data"), metric.key


@pytest.mark.django_db
def test_a_metric_that_is_gone_is_calculated_by_nobody() -> None:
    assert calculate_of("never_heard_of", "1.0.0") is None
