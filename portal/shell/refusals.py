"""Requests that cannot be answered, with a text that the reader may see."""

from __future__ import annotations

from collections.abc import Sequence

from django import forms
from django.core.exceptions import BadRequest


class UnreadableRequestError(BadRequest):
    """What was asked for cannot be read; the message names the field and what is expected.

    The page of a plain `BadRequest` says neither: its text may come from anywhere, and is for logs.
    This text is written for people, so the page shows it.
    """


def unreadable(form: forms.BaseForm) -> UnreadableRequestError:
    """Everything that is wrong with a form, a field at a time, by label and name in the address."""
    said = [
        f"{_field_text(form, name)}: {' '.join(_texts(problems))}"
        for name, problems in form.errors.items()
    ]
    return UnreadableRequestError(" ".join(said) or "The request cannot be read.")


def _field_text(form: forms.BaseForm, name: str) -> str:
    field = form.fields.get(name)
    return f"{field.label} ({name})" if field is not None and field.label else name


def _texts(problems: Sequence[object]) -> list[str]:
    return [str(each) for each in problems]
