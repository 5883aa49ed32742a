"""The form of a subscription's period: what was bought, and who holds how many seats."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from django import forms

from billing.forms.fields import DayField, UseCaseField
from billing.forms.plans import PriceField
from portal.models import Connection
from portal.shell.money import decimal_text

MOST_GROUPS = 50
_DOCUMENTS = ".pdf,.png,.jpg,.jpeg,.xml,.zip"


class SubscriptionForm(forms.Form):
    """What all groups of seats of the period share. Days are UTC."""

    connection = forms.ModelChoiceField(
        queryset=Connection.objects.filter(source="seats", is_active=True).order_by("name", "pk"),
        to_field_name="slug",
        empty_label=None,
        label="Into",
    )
    subscription = forms.CharField(
        max_length=200,
        help_text="Your name for the contract. What you enter replaces everything entered for this "
        "subscription and period before.",
    )
    provider = forms.CharField(max_length=120)
    service = forms.CharField(max_length=120, help_text="What people use, for example Claude Team.")
    plan = forms.CharField(max_length=120, help_text="Key of a price plan, or the plan's name.")
    period_start = DayField(label="First day paid for")
    period_end = DayField(label="First day not paid for any more")
    invoice_date = DayField(label="Day of the invoice")
    invoice_id = forms.CharField(max_length=120, required=False, label="Number of the invoice")
    document = forms.FileField(
        required=False,
        label="Invoice",
        max_length=255,
        widget=forms.FileInput(attrs={"accept": _DOCUMENTS}),
        help_text="Kept with the import, and named by its hash on the purchase.",
    )
    currency = forms.CharField(
        max_length=3, required=False, help_text="Needed with a price or an amount typed here."
    )
    price_per_seat = PriceField(
        label="Price of a seat for the whole period",
        help_text="Leave empty to take the price plan's.",
    )
    proration = forms.ChoiceField(
        choices=[("daily", "By day"), ("none", "The whole price all the same")],
        label="Who joins or leaves within the period pays",
    )
    is_dry_run = forms.BooleanField(
        required=False, label="Dry run", help_text="Says what would change, and changes nothing."
    )

    sections = (
        ("What was bought", ("connection", "subscription", "provider", "service", "plan")),
        ("For which days", ("period_start", "period_end", "proration")),
        ("At which price", ("price_per_seat", "currency", "invoice_date", "invoice_id",
                            "document")),
    )  # fmt: skip

    def cells(self) -> dict[str, str]:
        """What was typed, as the cells of a row."""
        kept = {name: value for name, value in self.cleaned_data.items()
                if name not in ("connection", "document", "is_dry_run")}  # fmt: skip
        return _texts(kept)


class SeatGroupForm(forms.Form):
    """Seats with one bearer of the cost."""

    seats = forms.IntegerField(required=False, min_value=0, max_value=1_000_000)
    assigned_seats = forms.IntegerField(
        required=False, min_value=0, label="Of them assigned", help_text="Empty: all."
    )
    amount = PriceField(label="Amount on the invoice", help_text="Empty: seats times price.")
    held_from = DayField(required=False, label="Held from", help_text="Empty: whole period.")
    held_until = DayField(required=False, label="Up to, not including")
    cost_center = forms.CharField(max_length=120, required=False, label="Cost centre")
    team = forms.CharField(max_length=120, required=False)
    use_case = UseCaseField(required=False, label="Use case")

    def cells(self) -> dict[str, str]:
        """What was typed, as the cells of a row."""
        use_case = self.cleaned_data["use_case"]
        return _texts({**self.cleaned_data, "use_case": use_case.slug if use_case else ""})


def _texts(values: dict[str, Any]) -> dict[str, str]:
    found = {}
    for name, value in values.items():
        is_number = hasattr(value, "as_tuple")
        found[name] = "" if value is None else decimal_text(value) if is_number else str(value)
    return found


if TYPE_CHECKING:
    _SeatGroups = forms.BaseFormSet[SeatGroupForm]
else:  # Django's class cannot be subscripted at run time
    _SeatGroups = forms.BaseFormSet


class BaseSeatGroupFormSet(_SeatGroups):
    """All groups of a period."""

    def clean(self) -> None:
        if not any(self.errors) and not self.filled():
            raise forms.ValidationError("Enter at least one group of seats.")

    def filled(self) -> list[SeatGroupForm]:
        """The groups in which a number of seats was typed."""
        return [
            form for form in self.forms
            if getattr(form, "cleaned_data", {}).get("seats") is not None
        ]  # fmt: skip


SeatGroupFormSet = cast(
    type[BaseSeatGroupFormSet],
    forms.formset_factory(
        SeatGroupForm,
        formset=BaseSeatGroupFormSet,
        extra=1,
        max_num=MOST_GROUPS,
        absolute_max=MOST_GROUPS,
    ),
)
