"""Targets in words, for the log and for notices."""

from __future__ import annotations

from adoption.metrics.registry import metrics
from adoption.metrics.wording import threshold_text
from adoption.models import AdoptionTarget
from portal.shell.formats import date_text


def scope_text(target: AdoptionTarget) -> str:
    """What it is about, by name."""
    return str(target.use_case or target.team or target.programme)


def target_text(target: AdoptionTarget) -> str:
    """Metric, value, scope and day."""
    due = date_text(target.due_on)
    if target.metric_key not in metrics:
        return f"{target.metric_key} of {scope_text(target)}, due {due}"
    metric = metrics.get(target.metric_key)
    wanted = threshold_text(target.comparator, target.threshold_nano, metric.unit, target.currency)
    return f"{metric.label} of {scope_text(target)}: {wanted}, due {due}"
