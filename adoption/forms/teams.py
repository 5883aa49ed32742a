"""Forms about teams and memberships."""

from __future__ import annotations

from django import forms

from adoption.forms.widgets import DayField, PersonField
from adoption.models import Team


class TeamForm(forms.Form):
    """A team and where it hangs in the tree."""

    name = forms.CharField(max_length=120)
    parent = forms.ModelChoiceField(
        queryset=Team.objects.order_by("name", "pk"),
        required=False,
        empty_label="None: at the top",
        label="Below",
    )


class MembershipForm(forms.Form):
    """Who belongs to the team, from when."""

    user = PersonField(label="Person")
    starts_on = DayField(label="From")
    ends_on = DayField(
        required=False, label="Up to, not including", help_text="Leave empty while it goes on."
    )


class EndMembershipForm(forms.Form):
    """When somebody leaves the team."""

    ends_on = DayField(label="First day outside the team")
