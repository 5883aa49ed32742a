"""The form of an allocation rule, with its shares."""

from __future__ import annotations

import hashlib
import json
from decimal import Decimal
from typing import TYPE_CHECKING, Any, cast

from django import forms

from billing.allocation.match import Condition, values_in
from billing.choices import MatchField, MatchMode, SplitKind
from billing.forms.fields import DayField, UseCaseField
from billing.models import AllocationRule
from billing.models.allocation import WHOLE
from billing.selectors.allocation_rules import ShareOfUseCase
from billing.selectors.conditions import conditions_of
from billing.services.allocation_rules import LONGEST_VALUE, MOST_CONDITIONS, RuleDraft
from portal.choices import ImportKind
from portal.models import Connection
from portal.shell.filters import MonthField
from portal.shell.money import decimal_text

_PER_PERCENT = WHOLE // 100
MOST_SHARES = 50


_VALUE_HELP = (
    "Exactly as the bill writes it; upper and lower case differ. Of a list, one value a line. "
    "A team by its address, with all teams below it."
)


class _ConditionForm(forms.Form):
    """What one attribute must be."""

    def clean_value(self) -> str:
        # A browser ends lines as the protocol does; what is stored ends them in one way.
        value: str = self.cleaned_data["value"].replace("\r\n", "\n")
        return value

    def check_condition(self, cleaned: dict[str, Any]) -> None:
        """Say at the field what does not fit together."""
        field, tag_key, mode = (cleaned.get(name) for name in ("field", "tag_key", "mode"))
        value = cleaned.get("value", "")
        if field == MatchField.TAG and not tag_key:
            self.add_error("tag_key", "Say which tag to look at.")
        if field and field != MatchField.TAG:
            cleaned["tag_key"] = ""
        if "value" in self.errors:
            return
        if not values_in(value):
            self.add_error("value", "Say which value to look for.")
        elif mode != MatchMode.ONE_OF and "\n" in value:
            self.add_error("value", "One value, please, or choose “is one of”.")


def _value_field(**kwargs: Any) -> forms.CharField:
    area = forms.Textarea(attrs={"rows": 2})
    return forms.CharField(max_length=LONGEST_VALUE, strip=False, widget=area, **kwargs)


class FurtherForm(_ConditionForm):
    """A condition that must hold as well; a row without a value is none."""

    field = forms.ChoiceField(choices=MatchField.choices, label="Look at")
    tag_key = forms.CharField(max_length=200, required=False, label="Tag key")
    mode = forms.ChoiceField(choices=MatchMode.choices, label="Match")
    value = _value_field(required=False)

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if cleaned.get("value", "").strip():
            self.check_condition(cleaned)
        return cleaned


class RuleForm(_ConditionForm):
    """What a rule looks for, on which days, and its place among the rules."""

    name = forms.CharField(
        max_length=160, help_text="What people will call it, for example “Support chat, tagged”."
    )
    field = forms.ChoiceField(choices=MatchField.choices, label="Look at")
    tag_key = forms.CharField(
        max_length=200,
        required=False,
        label="Tag key",
        help_text="For tags only, for example application.",
    )
    mode = forms.ChoiceField(choices=MatchMode.choices, label="Match")
    value = _value_field(help_text=_VALUE_HELP)
    split = forms.ChoiceField(
        choices=SplitKind.choices,
        required=False,
        initial=SplitKind.FIXED,
        label="Split",
        help_text="Evenly and in proportion need no per cent. In proportion to what each use case "
        "costs directly in the month, in the same currency and basis; without a name, among all.",
    )
    connection = forms.ModelChoiceField(
        queryset=Connection.objects.filter(kind=ImportKind.COSTS).order_by("name", "pk"),
        to_field_name="slug",
        required=False,
        empty_label="Every source of costs",
        label="Only from",
    )
    starts_on = DayField(label="From", help_text="First day (UTC) on which it takes charges.")
    ends_on = DayField(
        required=False,
        label="Up to, not including",
        help_text="Leave empty while it goes on.",
    )
    priority = forms.IntegerField(
        min_value=0,
        max_value=10_000,
        initial=100,
        help_text="The rule with the smallest number takes a charge first; equal ones by age.",
    )
    reason = forms.CharField(
        max_length=500,
        label="Why it changes",
        required=False,
        help_text="Stays with the version that is replaced.",
    )
    previewed = forms.CharField(required=False, widget=forms.HiddenInput)
    month = MonthField(label="Try it on", help_text="The month that the preview looks at.")

    sections = (
        ("What it takes", ("name", "field", "tag_key", "mode", "value", "connection")),
        ("When, and in which order", ("starts_on", "ends_on", "priority")),
    )

    def clean_split(self) -> str:
        return self.cleaned_data["split"] or SplitKind.FIXED

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        self.check_condition(cleaned)
        starts_on, ends_on = cleaned.get("starts_on"), cleaned.get("ends_on")
        if starts_on and ends_on and ends_on <= starts_on:
            self.add_error("ends_on", "It must end after it starts.")
        return cleaned

    def draft(
        self, shares: tuple[tuple[int, int], ...], further: tuple[Condition, ...] = ()
    ) -> RuleDraft:
        """The rule that was typed."""
        cleaned = self.cleaned_data
        connection: Connection | None = cleaned["connection"]
        return RuleDraft(
            name=cleaned["name"],
            field=cleaned["field"],
            tag_key=cleaned["tag_key"],
            mode=cleaned["mode"],
            value=cleaned["value"],
            connection_id=connection.pk if connection else None,
            starts_on=cleaned["starts_on"],
            ends_on=cleaned["ends_on"],
            priority=cleaned["priority"],
            shares=shares,
            further=further,
            split=cleaned["split"],
        )

    @staticmethod
    def initial_of(rule: AllocationRule) -> dict[str, Any]:
        """What the form shows of a rule that exists."""
        return {
            "name": rule.name,
            "field": rule.field,
            "tag_key": rule.tag_key,
            "mode": rule.mode,
            "value": rule.value,
            "connection": rule.connection,
            "starts_on": rule.starts_on,
            "ends_on": rule.ends_on,
            "priority": rule.priority,
            "split": rule.split,
        }

    @staticmethod
    def further_of(rule: AllocationRule) -> list[dict[str, Any]]:
        """What the form shows of the further conditions of a rule that exists."""
        return [each._asdict() for each in conditions_of(rule)[1:]]


class ShareForm(forms.Form):
    """One use case's part, in per cent to four places; of other splits, who takes part."""

    use_case = UseCaseField(required=False, label="Use case")
    percent = forms.DecimalField(
        required=False,
        label="Per cent",
        max_digits=7,
        decimal_places=4,
        min_value=Decimal("0.0001"),
        max_value=Decimal(100),
        widget=forms.TextInput(
            attrs={"inputmode": "decimal", "autocomplete": "off", "class": "share-percent"}
        ),
    )

    def __init__(self, *args: Any, split: str = SplitKind.FIXED, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.split = split

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        use_case, percent = cleaned.get("use_case"), cleaned.get("percent")
        if self.split != SplitKind.FIXED:
            if percent is not None:
                self.add_error("percent", "Only fixed shares have a size; leave it empty.")
            return cleaned
        if use_case and percent is None and "percent" not in self.errors:
            self.add_error("percent", "How much of it?")
        if percent is not None and not use_case and "use_case" not in self.errors:
            self.add_error("use_case", "Whose share is this?")
        return cleaned


if TYPE_CHECKING:
    _ShareForms = forms.BaseFormSet[ShareForm]
    _FurtherForms = forms.BaseFormSet[FurtherForm]
else:  # Django's class cannot be subscripted at run time
    _ShareForms = _FurtherForms = forms.BaseFormSet


class BaseFurtherFormSet(_FurtherForms):
    """The conditions beside the first one."""

    def conditions(self) -> tuple[Condition, ...]:
        """In the order typed."""
        return tuple(
            Condition(each["field"], each["tag_key"], each["mode"], each["value"])
            for each in (form.cleaned_data for form in self.forms)
            if each.get("value", "").strip()
        )


FurtherFormSet = cast(
    type[BaseFurtherFormSet],
    forms.formset_factory(
        FurtherForm,
        formset=BaseFurtherFormSet,
        extra=0,
        max_num=MOST_CONDITIONS - 1,
        absolute_max=MOST_CONDITIONS - 1,
    ),
)


class BaseShareFormSet(_ShareForms):
    """All shares of a rule. What they leave over stays unallocated, and the page says so."""

    def clean(self) -> None:
        if any(self.errors):
            return
        shares = self.shares()
        if self.split == SplitKind.TEAM and shares:
            raise forms.ValidationError("The team decides who gets it; give no shares.")
        if not shares and self.split in (SplitKind.FIXED, SplitKind.EVEN):
            raise forms.ValidationError("Give a share to at least one use case.")
        if len({pk for pk, _ in shares}) != len(shares):
            raise forms.ValidationError("A use case stands twice in the shares.")
        total = sum(share for _, share in shares)
        if total > WHOLE:
            percent = decimal_text(Decimal(total) / _PER_PERCENT)
            raise forms.ValidationError(
                f"The shares add up to {percent} %, which is more than the whole."
            )

    @property
    def split(self) -> str:
        """How the rule splits; the form of the rule says."""
        found: str = self.form_kwargs.get("split", SplitKind.FIXED)
        return found

    def shares(self) -> tuple[tuple[int, int], ...]:
        """Use case id and millionths, in the order typed; of other splits than fixed, 1 each."""
        rows = [form.cleaned_data for form in self.forms]
        if self.split != SplitKind.FIXED:
            return tuple((each["use_case"].pk, 1) for each in rows if each.get("use_case"))
        return tuple(
            (each["use_case"].pk, int(each["percent"] * _PER_PERCENT))
            for each in rows
            if each.get("use_case") and each.get("percent") is not None
        )


ShareFormSet = cast(
    type[BaseShareFormSet],
    forms.formset_factory(
        ShareForm, formset=BaseShareFormSet, extra=2, max_num=MOST_SHARES, absolute_max=MOST_SHARES
    ),
)


def initial_shares(shares: list[ShareOfUseCase], split: str) -> list[dict[str, Any]]:
    """What the form shows of the shares that exist."""
    if split != SplitKind.FIXED:
        return [{"use_case": each.slug} for each in shares]
    return [
        {"use_case": each.slug, "percent": decimal_text(Decimal(each.share) / _PER_PERCENT)}
        for each in shares
    ]


def draft_digest(draft: RuleDraft) -> str:
    """Names a draft, so that only what has been previewed is saved."""
    parts = [getattr(draft, name) for name in draft.__dataclass_fields__]
    return hashlib.sha256(json.dumps(parts, default=str).encode()).hexdigest()


class RetireForm(forms.Form):
    """Why a rule ends, and the month on which that is tried."""

    reason = forms.CharField(
        max_length=500,
        label="Why",
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="Stays with the rule. What it took goes to the rules after it, or nowhere.",
    )
    month = MonthField(
        required=False, label="Try it on", help_text="The month that the preview looks at."
    )
