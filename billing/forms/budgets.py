"""Forms about budgets."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

from django import forms

from billing.choices import BudgetPeriod, CostBasis, Measure
from billing.forms.fields import UseCaseField
from billing.models import Budget
from billing.services.budgets import BudgetDraft
from billing.services.refusals import ChangeRefusedError
from portal.models import User
from portal.shell.filters import MonthField
from portal.shell.money import MAX_NANO, NANO_PER_UNIT, decimal_text, from_nano, to_nano
from portal.shell.periods import Month

_CURRENCY = re.compile(r"[A-Z]{3}")


class AmountField(forms.DecimalField):
    """An amount of money above zero, to the thousand-millionth."""

    widget = forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off"})

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(
            max_digits=19,
            decimal_places=9,
            min_value=Decimal("0.000000001"),
            max_value=Decimal(MAX_NANO // NANO_PER_UNIT),
            **kwargs,
        )


class CurrencyField(forms.CharField):
    """Three capital letters."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_length=3, min_length=3, **kwargs)

    def clean(self, value: Any) -> str:
        text = str(super().clean(value) or "").upper()
        if text and not _CURRENCY.fullmatch(text):
            raise forms.ValidationError("Write the three letters of the currency, such as USD.")
        return text


class PersonField(forms.CharField):
    """Somebody who signs in, by sign-in name."""

    def clean(self, value: Any) -> User | None:
        text = str(super().clean(value) or "").strip()
        if not text:
            return None
        found = User.objects.filter(username=text, is_active=True).first()
        if found is None:
            raise forms.ValidationError(f"Nobody signs in as “{text}”.")
        return found


class RefusableForm(forms.Form):
    """Shows what a service refused at the field that it names."""

    def add_refusal(self, error: ChangeRefusedError) -> None:
        """At its field, or above the form where it has none."""
        self.add_error(error.field if error.field in self.fields else None, str(error))


class BudgetForm(RefusableForm):
    """What may be spent, by whom, in which period."""

    use_case = UseCaseField(
        required=False, label="Use case", help_text="Its address or its whole title."
    )
    programme = forms.ChoiceField(
        required=False, help_text="Instead of a use case: all of its use cases together."
    )
    amount = AmountField(help_text="For one period.")
    currency = CurrencyField(help_text="Costs in other currencies do not count.")
    period = forms.ChoiceField(
        choices=BudgetPeriod.choices,
        help_text="Quarters and years are the programme's fiscal ones.",
    )
    first = MonthField(label="First month")
    last = MonthField(label="Last month", required=False, help_text="Leave empty while it goes on.")
    measure = forms.ChoiceField(
        choices=Measure.choices,
        help_text="Billed is what is invoiced; effective spreads prepayments.",
    )
    cost_basis = forms.ChoiceField(choices=CostBasis.choices, label="Basis")
    owner = PersonField(max_length=150, help_text="Sign-in name of who is told when it runs out.")
    reason = forms.CharField(
        max_length=500, required=False, label="Why it changes", help_text="Stands in the audit."
    )
    expected_version = forms.IntegerField(required=False, widget=forms.HiddenInput)

    def __init__(
        self, *args: Any, programmes: list[tuple[str, str]], is_new: bool, **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self.fields["programme"].choices = [("", "None"), *programmes]  # type: ignore[attr-defined]
        gone = ("reason", "expected_version") if is_new else ("use_case", "programme")
        for name in gone:
            del self.fields[name]

    def draft(self, *, use_case_id: int | None, programme_id: int | None) -> BudgetDraft:
        """The budget that was typed."""
        cleaned = self.cleaned_data
        return BudgetDraft(
            use_case_id=use_case_id,
            programme_id=programme_id,
            period=cleaned["period"],
            first=cleaned["first"],
            last=cleaned["last"],
            currency=cleaned["currency"],
            cost_basis=cleaned["cost_basis"],
            measure=cleaned["measure"],
            amount_nano=to_nano(cleaned["amount"]),
            owner=cleaned["owner"],
        )

    @staticmethod
    def initial_of(budget: Budget) -> dict[str, Any]:
        """What the form shows of a budget that exists."""
        last = None if budget.ends_on is None else Month.of(budget.ends_on) - 1
        return {
            "amount": decimal_text(from_nano(budget.amount_nano)),
            "currency": budget.currency,
            "period": budget.period,
            "first": str(Month.of(budget.starts_on)),
            "last": str(last or ""),
            "measure": budget.measure,
            "cost_basis": budget.cost_basis,
            "owner": budget.owner.username,
            "expected_version": budget.version,
        }


class EndForm(RefusableForm):
    """Why a budget ends."""

    reason = forms.CharField(label="Why", max_length=500, help_text="Stays with it.")
    expected_version = forms.IntegerField(widget=forms.HiddenInput)


class ReasonForm(RefusableForm):
    """Why a circuit breaker ends or is reset."""

    reason = forms.CharField(label="Why", max_length=500, help_text="Stays with it.")
