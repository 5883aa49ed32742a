"""Forms about whose a name elsewhere is."""

from __future__ import annotations

from typing import Any

from django import forms
from django.db.models import QuerySet

from adoption.forms.widgets import PersonField
from adoption.models import Identity


class ResolveForm(forms.Form):
    """Whose it is, and which other names are the same person's."""

    user = PersonField(label="Person")
    also = forms.ModelMultipleChoiceField(
        queryset=Identity.objects.none(),
        required=False,
        label="The same person's as well",
        widget=forms.CheckboxSelectMultiple,
        help_text="They look alike. What is ticked is said together and can be undone together.",
    )

    def __init__(self, *args: Any, others: QuerySet[Identity], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        also = self.fields["also"]
        if isinstance(also, forms.ModelMultipleChoiceField):
            also.queryset = others
            also.label_from_instance = _named  # type: ignore[method-assign, assignment]
        if not others:
            del self.fields["also"]


def _named(identity: Identity) -> str:
    name = f" ({identity.display_name})" if identity.display_name else ""
    return f"{identity.value}{name}"


class SplitForm(forms.Form):
    """Why an identity is taken off a person."""

    reason = forms.CharField(label="Why", max_length=200, help_text="Kept in the log.")


class ConfirmForm(forms.Form):
    """Nothing to fill in: the button is the decision."""
