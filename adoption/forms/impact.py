"""Forms about registered effects."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

from django import forms

from adoption.choices import EffectDirection, ImpactDecisionKind, ImpactMethod, LossSide, ScopeKind
from adoption.forms.widgets import DayField, PersonField, lines
from adoption.metrics.contracts import Better
from adoption.metrics.registry import metrics
from adoption.models import UseCase
from adoption.services.impact_plans import NANO, WEEK, GuardrailWish, primary_metrics
from adoption.services.impact_wishes import USUAL, USUAL_GAP, Wish, units_offered
from portal.shell.money import AmountOutOfRangeError, from_nano, to_nano
from portal.shell.periods import BadPeriodError, Month

_GUARDRAILS = (1, 2)


def _number(**kwargs: Any) -> forms.DecimalField:
    widget = forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off"})
    return forms.DecimalField(widget=widget, max_digits=12, **kwargs)


def _weeks(label: str, initial: int, least: int, text: str) -> forms.IntegerField:
    return forms.IntegerField(
        label=label, initial=initial, min_value=least, max_value=104, required=False, help_text=text
    )


class MonthField(forms.CharField):
    """A month as `2026-03`, as its first day; empty is None."""

    widget = forms.TextInput(attrs={"placeholder": "2026-03", "autocomplete": "off"})

    def to_python(self, value: Any) -> Any:
        text = super().to_python(value)
        if not text:
            return None
        try:
            return Month.parse(text).start
        except BadPeriodError as error:
            raise forms.ValidationError("A month is written like 2026-03.") from error


KINDS = (
    (ScopeKind.USE_CASE, "Use cases"),
    (ScopeKind.TEAM, "Teams"),
    (ScopeKind.SERVICE, "Services"),
)
Unit = tuple[str, int]


def unit_of(text: str) -> Unit:
    """A chosen unit as kind and key."""
    kind, _, key = text.partition(":")
    return kind, int(key)


class UnitsField(forms.TypedMultipleChoiceField):
    """Units of any kind, grouped by it; `kind:key` as value."""

    def __init__(self, **kwargs: Any) -> None:
        widget = forms.SelectMultiple(attrs={"size": 6})
        super().__init__(required=False, coerce=unit_of, widget=widget, **kwargs)


class RegistrationForm(forms.Form):
    """Few things must be said; the second part has defaults that hold for most."""

    hypothesis = forms.CharField(
        widget=lines(3),
        help_text="One sentence that can turn out wrong: if we do this, then that changes by so "
        "much, because.",
    )
    direction = forms.ChoiceField(choices=EffectDirection.choices, label="What should happen")
    metric_key = forms.ChoiceField(
        label="Measured by", help_text="One primary metric. It cannot be changed after the launch."
    )
    interest = _number(
        label="Smallest change that matters",
        help_text="In per cent for counts (25), otherwise in the metric's unit. Smaller would not "
        "be worth it.",
        min_value=Decimal("0.01"),
    )
    launch_on = DayField(label="Launch on", help_text="The day from which it is used.")
    trigger_month = MonthField(
        label="Month that gave the idea",
        required=False,
        help_text="The baseline ends before it: a month that was noticed because it was bad is "
        "followed by a better one anyhow. Left open: last month.",
    )
    baseline_weeks = _weeks("Weeks of the baseline", USUAL, 8, "At least 8.")
    washout_weeks = _weeks("Weeks of wash-out after the launch", USUAL_GAP, 0, "Left out.")
    after_weeks = _weeks("Weeks of the window after", USUAL, 4, "At least 4.")
    method = forms.ChoiceField(
        required=False, help_text="Left open: the usual one for the metric and the units."
    )
    treated = UnitsField(
        label="Treated",
        help_text="Several units are pooled into one count, or compared with others. Of the kind "
        "that the metric is measured for. Left open: this use case, its team or its services.",
    )
    comparison = UnitsField(
        label="Compared with",
        help_text="Units of the same kind that are not treated, for methods that compare units: "
        "two at least, and two treated.",
    )
    alpha_percent = forms.TypedChoiceField(
        label="Alpha",
        coerce=int,
        initial=5,
        choices=[(1, "1 %"), (5, "5 %"), (10, "10 %")],
        help_text="How often an effect of nothing may look like one, either way.",
    )
    minimum_n = forms.IntegerField(
        label="Minimum n",
        required=False,
        min_value=1,
        max_value=1_000_000,
        help_text="Events or measurements of the baseline below which nothing is estimated. "
        "Left open: 20, or 4 units.",
    )
    stop_rule = forms.CharField(
        widget=lines(2),
        required=False,
        help_text="Which result ends it. Left open: the stop rule of the use case.",
    )
    guardrail_1 = forms.ChoiceField(label="Guardrail", required=False)
    guardrail_1_margin = _number(
        label="Its margin", required=False, min_value=Decimal(0),
        help_text="How much worse is borne: per cent for counts, otherwise the metric's unit.",
    )  # fmt: skip
    guardrail_2 = forms.ChoiceField(label="Second guardrail", required=False)
    guardrail_2_margin = _number(label="Its margin", required=False, min_value=Decimal(0))

    sections = (
        (
            "What should change",
            ("hypothesis", "direction", "metric_key", "interest", "launch_on"),
        ),
        (
            "When is looked",
            ("trigger_month", "baseline_weeks", "washout_weeks", "after_weeks"),
        ),
        (
            "What must not get worse",
            ("guardrail_1", "guardrail_1_margin", "guardrail_2", "guardrail_2_margin"),
        ),
        (
            "How it is judged",
            ("method", "treated", "comparison", "alpha_percent", "minimum_n", "stop_rule"),
        ),
    )

    def __init__(self, *args: Any, use_case: UseCase, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        offered = [
            (each.key, each.label)
            for each in primary_metrics()
            if each.windowed is not None and each.windowed.scope != ScopeKind.PROGRAMME
        ]
        self._choices("metric_key", offered)
        self._choices("method", [("", "The usual one"), *ImpactMethod.choices])
        units = [
            (label, [(f"{kind.value}:{pk}", name) for pk, name in units_offered(use_case, kind)])
            for kind, label in KINDS
        ]
        for name in ("treated", "comparison"):
            self._choices(name, [group for group in units if group[1]])
        for number in _GUARDRAILS:
            self._choices(f"guardrail_{number}", [("", "None"), *offered])

    def _choices(self, name: str, choices: list[Any]) -> None:
        field = self.fields[name]
        assert isinstance(field, forms.ChoiceField)  # noqa: S101  (for the type checker)
        field.choices = choices

    def clean(self) -> dict[str, Any]:
        """Refuse a guardrail without a margin."""
        cleaned = super().clean() or {}
        for number in _GUARDRAILS:
            name = f"guardrail_{number}"
            if cleaned.get(name) and cleaned.get(f"{name}_margin") is None:
                self.add_error(f"{name}_margin", "Say how much worse is borne.")
        if cleaned.get("metric_key"):
            self._check_kinds(cleaned)
        return cleaned

    def _check_kinds(self, cleaned: dict[str, Any]) -> None:
        windowed = metrics.get(cleaned["metric_key"]).windowed
        assert windowed is not None  # noqa: S101  (only such are offered)
        word = dict(KINDS).get(windowed.scope, "Units").lower()
        for name in ("treated", "comparison"):
            if any(kind != windowed.scope for kind, _ in cleaned.get(name, ())):
                self.add_error(name, f"This metric is measured for {word}; choose those.")

    def wish(self) -> Wish:
        """What was asked for; the form must be valid.

        Raises:
            AmountOutOfRangeError: a number is too large.
        """
        data = self.cleaned_data
        launch: dt.date = data["launch_on"]
        after = launch + WEEK * _or(data["washout_weeks"], USUAL_GAP)
        baseline_ends = data["trigger_month"]
        weeks = _or(data["baseline_weeks"], USUAL)
        is_ratio = metrics.get(data["metric_key"]).unit == "count" and not data["comparison"]
        return Wish(
            hypothesis=data["hypothesis"],
            direction=data["direction"],
            metric_key=data["metric_key"],
            launch_on=launch,
            interest_nano=signed_nano(
                data["interest"], rises=data["direction"] == "increase", is_ratio=is_ratio
            ),
            trigger_month=baseline_ends,
            baseline_starts_on=baseline_ends - WEEK * weeks if baseline_ends else None,
            baseline_ends_on=baseline_ends,
            after_starts_on=after,
            after_ends_on=after + WEEK * _or(data["after_weeks"], USUAL),
            method=data["method"],
            alpha_percent=data["alpha_percent"],
            guardrails=[each for each in map(self._guardrail, _GUARDRAILS) if each is not None],
            minimum_n=data["minimum_n"],
            stop_rule=data["stop_rule"],
            unit_ids=[key for _, key in data["treated"]],
            comparison_ids=[key for _, key in data["comparison"]],
        )

    def _guardrail(self, number: int) -> GuardrailWish | None:
        key = self.cleaned_data[f"guardrail_{number}"]
        if not key:
            return None
        return guardrail_wish(key, self.cleaned_data[f"guardrail_{number}_margin"])


def _or(value: int | None, default: int) -> int:
    return default if value is None else value


def signed_nano(amount: Decimal, *, rises: bool, is_ratio: bool) -> int:
    """A change as a person says it (25 per cent, 3 hours) in nano-units of its scale."""
    signed = amount if rises else -amount
    try:
        return NANO + to_nano(signed / 100) if is_ratio else to_nano(signed)
    except AmountOutOfRangeError:
        return NANO if is_ratio else 0  # the null, which the service refuses with its sentence


def guardrail_wish(key: str, margin: Decimal) -> GuardrailWish:
    """A guardrail on the side on which its metric gets worse."""
    metric = metrics.get(key)
    assert metric.windowed is not None  # noqa: S101  (only such are offered)
    rises = metric.windowed.better is not Better.HIGHER
    return GuardrailWish(
        metric_key=key,
        metric_version=metric.version,
        worse="increase" if rises else "decrease",
        margin_nano=signed_nano(margin, rises=rises, is_ratio=metric.unit == "count"),
    )


class ReasonForm(forms.Form):
    """Why."""

    reason = forms.CharField(widget=lines(3), label="Why", help_text="It stays.")


class AmendForm(forms.Form):
    """What is done otherwise than registered. Whatever is left open stays as it is."""

    baseline_starts_on = DayField(label="The baseline now starts on", required=False)
    baseline_ends_on = DayField(label="The baseline now ends before", required=False)
    after_starts_on = DayField(label="The window after now starts on", required=False)
    after_ends_on = DayField(label="The window after now ends before", required=False)
    metric_key = forms.ChoiceField(label="Now measured by", required=False)
    method = forms.ChoiceField(label="Now judged by", required=False)
    alpha_percent = forms.TypedChoiceField(
        label="Alpha is now",
        required=False,
        coerce=int,
        empty_value=None,
        choices=[("", "As registered"), (1, "1 %"), (5, "5 %"), (10, "10 %")],
    )
    reason = forms.CharField(
        widget=lines(3),
        label="What happened, and why",
        help_text="Stands on the verdict for ever. Leave the rest open for something that happened "
        "without a change of the protocol.",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        offered = [(each.key, each.label) for each in primary_metrics()]
        for name, choices in (("metric_key", offered), ("method", ImpactMethod.choices)):
            field = self.fields[name]
            assert isinstance(field, forms.ChoiceField)  # noqa: S101  (for the type checker)
            field.choices = [("", "As registered"), *choices]

    def changes(self) -> dict[str, Any]:
        """Fields of the registration that are changed, with their new values."""
        return {
            name: value
            for name, value in self.cleaned_data.items()
            if name != "reason" and value not in (None, "")
        }


class LossForm(forms.Form):
    """Counts of one side, never names."""

    side = forms.ChoiceField(choices=LossSide.choices)
    expected = forms.IntegerField(
        min_value=0, label="Expected", help_text="Tasks or people that should have been in it."
    )
    opted_out = forms.IntegerField(min_value=0, initial=0, label="Opted out")
    vanished = forms.IntegerField(
        min_value=0, initial=0, label="Vanished", help_text="Tasks that nobody did any more."
    )
    note = forms.CharField(widget=lines(2), required=False)


class DecideForm(forms.Form):
    """What is done on a verdict."""

    kind = forms.ChoiceField(
        choices=ImpactDecisionKind.choices,
        label="Decision",
        help_text="Stopping ends the use case at once: a good outcome, counted as one.",
    )
    reason = forms.CharField(widget=lines(3), label="Why", help_text="Stays in the decision log.")


class UnitValueForm(forms.Form):
    """What one unit of an outcome is worth, and by whose word."""

    metric_key = forms.ChoiceField(label="Metric")
    amount = _number(label="Worth of one unit", help_text="In the programme's currency.")
    grounds = forms.CharField(
        widget=lines(3),
        help_text="What it rests on, so that finance can check it. Hours that somebody says were "
        "saved are no grounds.",
    )
    owner = PersonField(label="Answers for it")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["metric_key"]
        assert isinstance(field, forms.ChoiceField)  # noqa: S101  (for the type checker)
        field.choices = [(each.key, each.label) for each in primary_metrics()]

    def clean_amount(self) -> Decimal:
        amount: Decimal = self.cleaned_data["amount"]
        try:
            nano = to_nano(amount)
        except AmountOutOfRangeError as error:
            raise forms.ValidationError("That number is too large.") from error
        if from_nano(nano) != amount:
            raise forms.ValidationError("That number has more digits than can be kept exactly.")
        return amount
