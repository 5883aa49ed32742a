"""Forms for connections."""

from __future__ import annotations

from typing import Any

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from pydantic import SecretStr

from portal.choices import RejectionPolicy
from portal.credentials.needs import CredentialNeed
from portal.forms.config_fields import config_errors, config_fields, config_from
from portal.imports.registry import ImportSource
from portal.models import Connection
from portal.services.credentials import CredentialChange


class _ConfiguredForm(forms.Form):
    """Name, policy, and whatever the source's schema asks for."""

    name = forms.CharField(max_length=120, label="Name")
    rejection_policy = forms.ChoiceField(
        choices=RejectionPolicy.choices,
        label="When some rows are rejected",
        help_text="An amount that cannot be read refuses the whole input in either case.",
    )

    def __init__(self, *args: Any, source: ImportSource, config: dict[str, Any], **kwargs: Any):
        super().__init__(*args, **kwargs)
        self.source = source
        self.fields |= config_fields(source.config_model, config)
        if source.credential is not None:
            self.fields |= credential_fields(source.credential)

    @property
    def credential_change(self) -> CredentialChange:
        """What was given of a credential; nothing for a source that needs none."""
        given = self.cleaned_data
        return CredentialChange(
            secret=SecretStr(given.get("credential_secret") or ""),
            reference=given.get("credential_ref") or "",
            is_cleared=bool(given.get("credential_clear")),
        )

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        cleaned["config"] = config_from(self.source.config_model, cleaned)
        for field, message in config_errors(self.source.config_model, cleaned["config"]):
            if field in self.fields and field not in self.errors:
                self.add_error(field, message)
        return cleaned

    def add_refusal(self, error: Exception) -> None:
        """Show what a service refused, at its field where it names one of this form."""
        if not isinstance(error, ValidationError):
            self.add_error(None, str(error))
        elif hasattr(error, "error_dict"):
            for name, errors in error.error_dict.items():
                self.add_error(name if name in self.fields else None, errors)
        else:
            self.add_error(None, error)


def credential_fields(need: CredentialNeed) -> dict[str, forms.Field]:
    """Fields that take a credential and never show one."""
    folder = settings.ENVIRONMENT.plumbline_credential_dir
    return {
        "credential_secret": forms.CharField(
            required=False,
            strip=True,
            label=need.label,
            help_text=f"{need.help} It is kept encrypted and never shown again. Empty leaves it "
            "as it is.",
            widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        ),
        "credential_ref": forms.CharField(
            required=False,
            max_length=120,
            label=f"{need.label}, by reference",
            help_text=f"Instead of the secret: env:CREDENTIAL_NAME or file:{folder}/name.",
        ),
    }


class NewConnectionForm(_ConfiguredForm):
    """A connection that does not exist yet."""

    slug = forms.SlugField(
        max_length=64,
        label="Short name",
        help_text="Letters, digits and hyphens; for addresses and commands. It stays for ever.",
    )
    field_order = ("name", "slug", "rejection_policy")


class ConnectionForm(_ConfiguredForm):
    """A connection that exists; its short name and its source stay."""

    is_active = forms.BooleanField(
        required=False,
        label="Active",
        help_text="Nothing new is imported while it is switched off. What was imported stays.",
    )

    def __init__(self, *args: Any, source: ImportSource, **kwargs: Any) -> None:
        super().__init__(*args, source=source, **kwargs)
        if source.credential is not None:
            self.fields["credential_clear"] = forms.BooleanField(
                required=False,
                label=f"Forget the {source.credential.label}",
                help_text="Nothing can be fetched until there is another.",
            )

    @classmethod
    def initial_of(cls, connection: Connection) -> dict[str, Any]:
        """What the form shows at first."""
        names = ("name", "rejection_policy", "is_active")
        return {name: getattr(connection, name) for name in names}
