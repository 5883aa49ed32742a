"""Forms of invoices, explanations, closes and exchange rates."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

from django import forms

from billing.choices import VarianceReason
from billing.forms.fields import AS_OF_LABEL, DayField, MomentField
from billing.models import Invoice
from billing.services.invoices import InvoiceDraft
from portal.shell.filters import MonthField
from portal.shell.money import AmountOutOfRangeError, nano_text, to_nano
from portal.shell.periods import Month

_AMOUNT = re.compile(r"[-\N{MINUS SIGN}]?[0-9]{1,10}(\.[0-9]{1,9})?")
_CURRENCY = {"maxlength": 3, "autocapitalize": "characters", "autocomplete": "off"}


class AmountField(forms.CharField):
    """An amount of money, typed as a plain decimal number; exact nano-units."""

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault(
            "widget", forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off"})
        )
        super().__init__(max_length=40, **kwargs)

    def clean(self, value: Any) -> int | None:
        text = str(super().clean(value) or "").strip()
        if not text:
            return None
        if not _AMOUNT.fullmatch(text):
            raise forms.ValidationError(
                "Give a plain number such as 1234.56, without group signs, at most nine decimals."
            )
        try:
            return to_nano(Decimal(text.replace("\N{MINUS SIGN}", "-")))
        except AmountOutOfRangeError as error:
            raise forms.ValidationError("This amount is too large.") from error


class CurrencyField(forms.RegexField):
    """Three capital letters."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(
            regex=r"^[A-Z]{3}$",
            widget=forms.TextInput(attrs=_CURRENCY),
            error_messages={"invalid": "Give the three letters of ISO 4217, such as EUR."},
            **kwargs,
        )


class DocumentField(forms.FileField):
    """The file of an invoice; what it is is known by its first bytes, not here."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(
            max_length=255,
            label="Document",
            widget=forms.FileInput(attrs={"accept": ".pdf,.png,.jpg,.jpeg,.xml"}),
            **kwargs,
        )


class DocumentForm(forms.Form):
    """The document of an invoice that is known."""

    document = DocumentField(help_text="PDF, PNG, JPEG or XML. It is kept under its hash.")


class InvoiceForm(forms.Form):
    """One invoice as its document states it."""

    issuer = forms.CharField(
        max_length=200, help_text="As the cost lines name who sends the invoice."
    )
    number = forms.CharField(max_length=120, label="Invoice number")
    month = MonthField(label="Billing month")
    billing_account_id = forms.CharField(
        max_length=200,
        required=False,
        label="Billing account",
        help_text="Empty when it names none.",
    )
    issued_on = DayField(required=False, label="Issued on")
    currency = CurrencyField()
    total = AmountField(label="Amount to pay", help_text="With tax, after credits.")
    tax = AmountField(required=False, help_text="Leave empty what the document does not say.")
    tax_in_lines = forms.BooleanField(
        required=False, initial=True, label="The cost lines hold the tax",
        help_text="Then the stated tax is checked against them; else it counts from here.",
    )  # fmt: skip
    credits = AmountField(required=False, help_text="Negative: what is deducted.")
    credits_in_lines = forms.BooleanField(
        required=False, initial=True, label="The cost lines hold the credits"
    )
    rounding = AmountField(
        required=False, help_text="What the issuer rounded, where the document says so."
    )
    stated_lines = forms.IntegerField(
        required=False, min_value=0, max_value=999_999_999, label="Number of cost lines",
        help_text="Control: as the issuer counts them.",
    )  # fmt: skip
    effective = AmountField(
        required=False, label="Effective cost of the lines", help_text="Control, where it is told."
    )
    document = DocumentField(
        required=False,
        help_text="The invoice itself: PDF, PNG, JPEG or XML. It is kept under its hash.",
    )

    def draft(self) -> InvoiceDraft:
        """What was typed, once the form is valid."""
        data = self.cleaned_data
        month: Month = data["month"]
        return InvoiceDraft(
            issuer=data["issuer"].strip(),
            number=data["number"].strip(),
            month=month.start,
            billing_account_id=data["billing_account_id"].strip(),
            issued_on=data["issued_on"],
            currency=data["currency"],
            total_nano=data["total"],
            tax_nano=data["tax"],
            credits_nano=data["credits"],
            rounding_nano=data["rounding"],
            tax_in_lines=data["tax_in_lines"],
            credits_in_lines=data["credits_in_lines"],
            stated_lines=data["stated_lines"],
            effective_nano=data["effective"],
        )

    @staticmethod
    def initial_of(invoice: Invoice) -> dict[str, Any]:
        """What the form of a known invoice starts with."""

        def text(nano: int | None) -> str:
            return "" if nano is None else nano_text(nano)

        return {
            "issuer": invoice.issuer,
            "number": invoice.number,
            "month": str(Month.of(invoice.month)),
            "billing_account_id": invoice.billing_account_id,
            "issued_on": invoice.issued_on,
            "currency": invoice.currency,
            "total": text(invoice.total_nano),
            "tax": text(invoice.tax_nano),
            "credits": text(invoice.credits_nano),
            "rounding": text(invoice.rounding_nano),
            "tax_in_lines": invoice.tax_in_lines,
            "credits_in_lines": invoice.credits_in_lines,
            "stated_lines": invoice.stated_lines,
            "effective": text(invoice.effective_nano),
        }


class ExplanationForm(forms.Form):
    """Why an invoice and its lines differ."""

    reason = forms.ChoiceField(choices=VarianceReason.choices)
    amount = AmountField(help_text="Positive when the invoice has more than the cost lines.")
    note = forms.CharField(
        max_length=500, label="Why", help_text="Stays with the invoice, with your name."
    )


class WithdrawalForm(forms.Form):
    """Why an invoice is taken back."""

    reason = forms.CharField(
        max_length=500, label="Why", help_text="Stays in the audit, with your name."
    )


class CloseRequestForm(forms.Form):
    """Asking for a close."""

    reason = forms.CharField(
        max_length=500, required=False, label="A word to the second person",
        widget=forms.Textarea(attrs={"rows": 2}),
    )  # fmt: skip


class MonthForm(forms.Form):
    """One month of a page."""

    month = MonthField(required=False, label="Month")

    def asked(self) -> Month | None:
        """The month, when one can be read."""
        return self.cleaned_data.get("month") if self.is_valid() else None


class PastMonthForm(MonthForm):
    """One month of a page that answers as of a moment."""

    as_of = MomentField(required=False, label=AS_OF_LABEL)


class RateForm(forms.Form):
    """One exchange rate."""

    day = DayField(label="Day")
    base = CurrencyField(label="One unit of")
    quote = CurrencyField(label="Is so much of")
    rate = forms.CharField(
        max_length=40, help_text="Every digit of the source, such as 1.0842.",
        widget=forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off"}),
    )  # fmt: skip
    source = forms.CharField(max_length=120, help_text="Who publishes it, for example ECB.")
