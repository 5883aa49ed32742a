"""Forms about stored hooks and their secrets."""

from __future__ import annotations

from django import forms


class ReplayForm(forms.Form):
    """Why a hook is processed again."""

    reason = forms.CharField(
        label="Why", max_length=500, help_text="Kept with the hook: whoever asks later finds it."
    )


class HookSecretForm(forms.Form):
    """A secret that the sender dictates, or nothing to have one made."""

    given = forms.CharField(
        label="Secret",
        required=False,
        max_length=500,
        widget=forms.PasswordInput(attrs={"autocomplete": "off"}),
        help_text="Leave it empty to have one made. Give it only where the sender makes it, as "
        "GitLab does with a signing token.",
    )


class WithdrawSecretForm(forms.Form):
    """Nothing to fill in: the button is the decision."""
