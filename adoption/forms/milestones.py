"""Forms about milestones: promise, change, withdraw."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django import forms

from adoption.choices import Comparator
from adoption.forms.widgets import DayField, lines, version_field
from adoption.metrics.registry import MetricDefinition, milestone_metrics
from adoption.metrics.wording import metric_or_none, threshold_input
from adoption.models import Milestone
from portal.shell.money import AmountOutOfRangeError, from_nano, to_nano

_HUNDRED = Decimal(100)


def read_threshold(form: forms.Form, metric: MetricDefinition, threshold: Decimal) -> int | None:
    """A typed threshold in nano-units of the metric's unit; a share is typed as a percentage.

    None, with the reason at the field, when it is too large or finer than nano-units.
    """
    amount = threshold / _HUNDRED if metric.unit == "share" else threshold
    try:
        nano = to_nano(amount)
    except AmountOutOfRangeError:
        form.add_error("threshold", "That number is too large.")
        return None
    if from_nano(nano) != amount:
        form.add_error("threshold", "That number has more digits than can be compared exactly.")
        return None
    return nano


class MilestoneForm(forms.Form):
    """A promise with a measure: a metric, a comparator, a threshold and a day."""

    title = forms.CharField(
        max_length=160, help_text="The promise in a few words, for example “Used in production”."
    )
    metric_key = forms.ChoiceField(widget=forms.RadioSelect, label="Measured by")
    comparator = forms.ChoiceField(
        choices=Comparator.choices, label="Promised is", initial=Comparator.AT_LEAST
    )
    threshold = forms.DecimalField(
        label="Threshold",
        help_text="A number; a share as a percentage.",
        widget=forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off"}),
    )
    due_on = DayField(label="Due on", help_text="The last day that still counts.")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["metric_key"]
        assert isinstance(field, forms.ChoiceField)  # noqa: S101  (for the type checker)
        offered = milestone_metrics()
        field.choices = [(metric.key, metric.label) for metric in offered]
        if len(offered) == 1:
            self.initial.setdefault("metric_key", offered[0].key)

    @staticmethod
    def initial_of(milestone: Milestone) -> dict[str, Any]:
        """What the form shows of a milestone that exists."""
        metric = metric_or_none(milestone.metric_key)
        return {
            "title": milestone.title,
            "metric_key": milestone.metric_key,
            "comparator": milestone.comparator,
            "threshold": threshold_input(milestone.threshold_nano, metric.unit if metric else ""),
            "due_on": milestone.due_on,
            "expected_version": milestone.version,
        }

    def clean(self) -> dict[str, Any]:
        """Add `threshold_nano` and `is_money`; a threshold finer than nano-units is refused."""
        cleaned = super().clean() or {}
        metric = metric_or_none(cleaned.get("metric_key", ""))
        threshold = cleaned.get("threshold")
        if metric is None or threshold is None:
            return cleaned
        nano = read_threshold(self, metric, threshold)
        if nano is None:
            return cleaned
        cleaned["threshold_nano"] = nano
        cleaned["is_money"] = metric.unit == "money"
        return cleaned


class MilestoneEditForm(MilestoneForm):
    """The same for a milestone that exists."""

    expected_version = version_field()


class MilestoneRemoveForm(forms.Form):
    """Why a promise is withdrawn."""

    reason = forms.CharField(
        widget=lines(3), label="Why", help_text="Stays in the decision log, with the promise."
    )
    expected_version = version_field()
