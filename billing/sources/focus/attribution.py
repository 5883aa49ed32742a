"""What FOCUS has no columns for, from custom columns and tags: model, key, cost centre, …

A connection may name the column or tag. Otherwise names that providers and gateways use are looked
for, columns before tags, without regard to case, separators and the prefix of a tag's key.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

# Dimension field → setting of the connection.
SETTINGS = {
    "model": "model_column",
    "api_key_id": "api_key_column",
    "cost_center": "cost_center_column",
    "repository": "repository_column",
    "principal_id": "principal_column",
}
_COLUMNS = {
    "model": ("xmodel", "xmodelname", "xmodelid"),
    "api_key_id": ("xapikeyid", "xapikeyhash", "xapikey", "xapikeyalias"),
    "cost_center": ("xcostcenter", "xcostcentre", "xcostcenterid"),
    "repository": ("xrepository", "xrepositoryname", "xrepo"),
    "principal_id": ("xprincipalid", "xprincipal", "xuseremail", "xuserid"),
}
_TAGS = {
    "model": ("model",),
    "api_key_id": ("apikeyid", "apikeyhash", "apikeyalias"),
    "cost_center": ("costcenter", "costcentre"),
    "repository": ("repository", "repo"),
    "principal_id": ("useremail", "principalid", "userid"),
}
_PEOPLE = {*_TAGS["principal_id"], "user", "username", "useralias", "email", "createdby"}
TAG_MARK = "Tags/"
# Anything may have a tag called model: a car, a sensor.
AI = "AI and Machine Learning"
ACCOUNT_IS_KEY = "API Key"
_SEPARATORS = re.compile(r"[^a-z0-9]")
_PREFIX = re.compile(r"^.*[:/]")


def _plain(name: str) -> str:
    return _SEPARATORS.sub("", name.lower())


def names_a_person(tag_key: str) -> bool:
    """Whether a tag of this key says whose a line is, whatever its prefix (`aws:createdBy`)."""
    return _plain(_PREFIX.sub("", tag_key)) in _PEOPLE


def wanted_columns(config: Mapping[str, Any]) -> set[str]:
    """Columns that the connection names, in small letters."""
    named = {str(config.get(setting) or "").strip() for setting in SETTINGS.values()}
    return {name.lower() for name in named if name and not name.startswith(TAG_MARK)}


class Attribution:
    """Finds the five fields of one file's rows."""

    def __init__(self, names: Sequence[str], config: Mapping[str, Any]) -> None:
        """`names` are the columns of the dimension, in order."""
        by_lower = {name.lower(): place for place, name in enumerate(names)}
        by_plain = {_plain(name): place for place, name in enumerate(names)}
        self._account = by_lower.get("billingaccountid")
        self._account_type = by_lower.get("billingaccounttype")
        self._category = by_lower.get("servicecategory")
        self._named: dict[str, tuple[int | None, str]] = {}
        self._places: dict[str, list[int]] = {}
        for field, setting in SETTINGS.items():
            name = str(config.get(setting) or "").strip()
            if name.startswith(TAG_MARK):
                self._named[field] = None, name.removeprefix(TAG_MARK)
            elif name:
                self._named[field] = by_lower.get(name.lower()), ""
            else:
                self._places[field] = [
                    by_plain[known] for known in _COLUMNS[field] if known in by_plain
                ]

    def find(self, cells: Sequence[str], tags: Mapping[str, Any]) -> dict[str, str]:
        """The fields of a row; `''` for what it does not say."""
        plain = {_plain(_PREFIX.sub("", key)): key for key in sorted(tags, reverse=True)}
        return {field: self._field(field, cells, tags, plain) for field in SETTINGS}

    def _field(
        self, field: str, cells: Sequence[str], tags: Mapping[str, Any], plain: Mapping[str, str]
    ) -> str:
        if field in self._named:
            place, key = self._named[field]
            return cells[place] if place is not None else _text(tags.get(key))
        if field == "api_key_id" and self.is_key(cells):
            return cells[self._account] if self._account is not None else ""
        for place in self._places[field]:
            if cells[place]:
                return cells[place]
        is_ai = self._category is not None and cells[self._category] == AI
        if field == "model" and not is_ai:
            return ""
        for known in _TAGS[field]:
            if known in plain and (text := _text(tags[plain[known]])):
                return text
        return ""

    def is_key(self, cells: Sequence[str]) -> bool:
        """Whether a row is billed to an API key, as a gateway's own export has it."""
        return self._account_type is not None and cells[self._account_type] == ACCOUNT_IS_KEY


def _text(value: Any) -> str:
    return value.strip() if isinstance(value, str) else ""
