"""Forms about approvals: deciding, withdrawing, break-glass, roles and rules."""

from __future__ import annotations

from typing import Any

from django import forms

from portal.choices import ApprovalOutcome, Role
from portal.services.approval_policies import DAYS
from portal.services.break_glass import LONGEST, SHORTEST_REASON

MOST_TEXT = 4_000  # characters of a reason
_AREA = forms.Textarea(attrs={"rows": 3})
KEPT = "Kept for ever, and shown to everybody who asks later."
MOST_HOURS = int(LONGEST.total_seconds() // 3600)


class DecisionForm(forms.Form):
    """The answer of the second person, with the hash of what they were shown."""

    outcome = forms.ChoiceField(choices=ApprovalOutcome.choices, widget=forms.HiddenInput)
    seen = forms.RegexField(r"^[0-9a-f]{64}$", widget=forms.HiddenInput)
    reason = forms.CharField(
        label="Reason",
        required=False,
        max_length=MOST_TEXT,
        widget=_AREA,
        help_text=f"Needed for a rejection. {KEPT}",
    )


class WithdrawForm(forms.Form):
    """Why one takes one's own request back."""

    reason = forms.CharField(label="Why (if you like)", required=False, max_length=MOST_TEXT)


class OpenGlassForm(forms.Form):
    """Why it cannot wait, and for how long."""

    reason = forms.CharField(
        label="What happened, and why it cannot wait",
        min_length=SHORTEST_REASON,
        max_length=MOST_TEXT,
        widget=_AREA,
        help_text="Shown on every page to everybody, and to whoever reviews it afterwards.",
    )
    hours = forms.IntegerField(
        label="For how many hours",
        min_value=1,
        max_value=MOST_HOURS,
        initial=1,
        help_text=f"At most {MOST_HOURS}. Close it as soon as you are done.",
    )


class ReviewGlassForm(forms.Form):
    """What the reviewer found."""

    review = forms.CharField(
        label="What was done under it, and was it right?",
        max_length=MOST_TEXT,
        widget=_AREA,
        help_text=KEPT,
    )


class AskForRoleForm(forms.Form):
    """Which role a person should get, and why."""

    role = forms.ChoiceField(choices=(), label="Role")
    reason = forms.CharField(
        label="Why this person needs it", max_length=MOST_TEXT, widget=_AREA, help_text=KEPT
    )

    def __init__(self, *args: Any, held: frozenset[str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        roles = [(role.value, role.label) for role in Role if role.value not in held]
        self.fields["role"].choices = roles  # type: ignore[attr-defined]


class ReasonForm(forms.Form):
    """Why something is taken away."""

    reason = forms.CharField(label="Why", max_length=MOST_TEXT, widget=_AREA, help_text=KEPT)


class RulesForm(forms.Form):
    """Who should approve a kind, and how long its requests wait."""

    approver_roles = forms.MultipleChoiceField(
        label="Approved by",
        choices=[
            (role.value, role.label)
            for role in Role
            if role not in (Role.ADMINISTRATOR, Role.AUDITOR)
        ],
        widget=forms.CheckboxSelectMultiple,
        help_text="Anybody who holds one of these roles and has no hand in the request.",
    )
    request_days = forms.IntegerField(
        label="A request waits for so many days",
        min_value=DAYS.start,
        max_value=DAYS.stop - 1,
        help_text="Then it expires and must be asked for again.",
    )
    reason = forms.CharField(label="Why", max_length=MOST_TEXT, widget=_AREA, help_text=KEPT)
