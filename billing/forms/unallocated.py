"""What the work list of unallocated money is asked for."""

from __future__ import annotations

from typing import Any

from django import forms
from django.http import QueryDict

from billing.choices import MatchField
from billing.forms.fields import AS_OF_LABEL, MomentField, WindowForm
from billing.selectors.unallocated import ATTRIBUTES, OPEN_ATTRIBUTES
from portal.shell.filters import MonthField

BY_CHOICES = [(field, MatchField(field).label) for field in ATTRIBUTES]


class UnallocatedForm(forms.Form):
    """A month and the attribute to look by; without them the newest month and a usual attribute.

    Whoever may not see cost lines is offered the attributes whose sums are open.
    """

    month = MonthField(required=False, label="Month")
    by = forms.ChoiceField(choices=BY_CHOICES, required=False, label="By")
    as_of = MomentField(required=False, label=AS_OF_LABEL)

    def __init__(self, data: QueryDict, *, may_see_lines: bool) -> None:
        super().__init__(data)
        if not may_see_lines:
            choices = [each for each in BY_CHOICES if each[0] in OPEN_ATTRIBUTES]
            self.fields["by"] = forms.ChoiceField(choices=choices, required=False, label="By")

    def asked(self) -> dict[str, Any]:
        """What can be read of it."""
        return self.cleaned_data if self.is_valid() else {}


class UnmappedForm(WindowForm):
    """Months and attribute; the six newest and all attributes when not given.

    The months may be given as `from` and `to` too, as the explorer has them.
    """

    first = MonthField(required=False, label="From")
    last = MonthField(required=False, label="To")
    by = forms.ChoiceField(
        choices=[("", "All that can name a use case"), *BY_CHOICES], required=False, label="By"
    )
    as_of = MomentField(required=False, label=AS_OF_LABEL)

    def __init__(self, data: QueryDict) -> None:
        given = data.copy()
        for name, other in (("first", "from"), ("last", "to")):
            if not given.get(name):
                given[name] = str(given.get(other, ""))
        super().__init__(given)

    def asked(self) -> dict[str, Any]:
        """What can be read of it."""
        return self.cleaned_data if self.is_valid() else {}
