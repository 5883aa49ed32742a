"""Form fields made from a source's configuration schema, so that a source needs no form."""

from __future__ import annotations

import types
from collections.abc import Mapping
from typing import Any, Literal, Union, get_args, get_origin

from django import forms
from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

PREFIX = "config_"


class UnknownKindError(TypeError):
    """A schema has a field of a kind that no form field is known for; the message names it."""


def config_fields(model: type[BaseModel], values: Mapping[str, Any]) -> dict[str, forms.Field]:
    """One form field for each key of the schema, named `config_<key>`.

    Known kinds: a choice of texts (`Literal`), yes or no, whole numbers with bounds, text.

    Raises:
        UnknownKindError: the schema has another kind.
    """
    return {
        PREFIX + key: _field(key, info, values.get(key, info.get_default()))
        for key, info in model.model_fields.items()
    }


def config_from(model: type[BaseModel], cleaned: Mapping[str, Any]) -> dict[str, Any]:
    """The configuration in a form's cleaned data."""
    return {key: cleaned[PREFIX + key] for key in model.model_fields if PREFIX + key in cleaned}


def config_errors(model: type[BaseModel], config: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What is wrong with a configuration: (name of the form field, message)."""
    try:
        model.model_validate(dict(config))
    except ValidationError as error:
        return [(f"{PREFIX}{each['loc'][0]}", each["msg"]) for each in error.errors()]
    return []


def config_in_words(model: type[BaseModel], config: Mapping[str, Any]) -> list[tuple[str, str]]:
    """(label, value) of each setting, as a page shows them."""
    found = []
    for key, info in model.model_fields.items():
        value = config.get(key, info.get_default())
        text = {True: "Yes", False: "No"}[value] if isinstance(value, bool) else str(value)
        found.append((_label(key, info), text or "Not set"))
    return found


def _label(key: str, info: FieldInfo) -> str:
    return info.title or key.replace("_", " ").capitalize()


def _kind(info: FieldInfo) -> Any:
    if get_origin(info.annotation) in (Union, types.UnionType):
        inner = [each for each in get_args(info.annotation) if each is not type(None)]
        return inner[0] if len(inner) == 1 else None
    return info.annotation


def _bound(info: FieldInfo, name: str) -> Any:
    return next((getattr(each, name) for each in info.metadata if hasattr(each, name)), None)


def _field(key: str, info: FieldInfo, value: Any) -> forms.Field:
    kind = _kind(info)
    shared: dict[str, Any] = {
        "label": _label(key, info),
        "help_text": info.description or "",
        "initial": value,
    }
    if get_origin(kind) is Literal:
        return forms.ChoiceField(
            choices=[(each, str(each).capitalize()) for each in get_args(kind)], **shared
        )
    if kind is bool:
        return forms.BooleanField(required=False, **shared)
    if kind is int:
        return forms.IntegerField(
            min_value=_bound(info, "ge"), max_value=_bound(info, "le"), **shared
        )
    if kind is str:
        return forms.CharField(
            required=False, max_length=_bound(info, "max_length"), strip=True, **shared
        )
    raise UnknownKindError(f"{key}: no form field is known for {info.annotation!r}")
