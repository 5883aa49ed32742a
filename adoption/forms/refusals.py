"""Putting the refusal of a service onto the form that asked."""

from __future__ import annotations

from django import forms
from django.core.exceptions import NON_FIELD_ERRORS, ValidationError

from adoption.services.refusals import RefusedError


def add_refusal(form: forms.Form, error: RefusedError | ValidationError) -> None:
    """Show the reason beside its field, or above the form when the form has no such field."""
    if isinstance(error, RefusedError):
        form.add_error(error.field if error.field in form.fields else None, error.reason)
        return
    by_field = error.message_dict if hasattr(error, "error_dict") else {NON_FIELD_ERRORS: error}
    for name, messages in by_field.items():
        form.add_error(name if name in form.fields else None, messages)
