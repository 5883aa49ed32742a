"""Whom a CUR row is for: tags, cost categories, the principal that asked, the inference profile."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, NamedTuple

from billing.sources.aws.line_items import Row
from billing.sources.lines import BadValueError
from billing.sources.tables.documents import parse_object

_COST_CENTER = frozenset({"costcenter", "costcentre"})
_REPOSITORY = frozenset({"repository", "repo"})
_NO_LETTERS = re.compile(r"[^a-z0-9]")
# What a tag key begins with, in the spellings that exports have had.
_PREFIX = re.compile(
    r"^(?:resourceTags/|accountTag/|userAttribute/|iamPrincipal/|costCategory/)?(?:user[:_])?"
)


class Resource(NamedTuple):
    """A resource as FOCUS has it."""

    name: str
    kind: str


@lru_cache(maxsize=4_096)
def _map(cell: str) -> Mapping[str, Any]:
    """A map column; null values are no tags."""
    found = parse_object(cell) if cell else {}
    return {key: value for key, value in found.items() if value not in (None, "")}


def read_map(row: Row, column: str) -> Mapping[str, Any]:
    """A map column of a row; do not change it.

    Raises:
        BadValueError: it holds no JSON object.
    """
    try:
        return _map(row.get(column, ""))
    except ValueError as error:
        raise BadValueError(
            column, row[column], "malformed_map", 'a JSON object, such as {"user_team": "a"}'
        ) from error


def tags_of(row: Row) -> dict[str, Any]:
    """All tags by their full keys. Cost categories are told apart by `costCategory/`."""
    tags = dict(read_map(row, "resource_tags"))
    categories = read_map(row, "cost_category")
    tags |= {f"costCategory/{key}": value for key, value in categories.items()}
    return {**tags, **read_map(row, "tags")}


def tag_value(tags: Mapping[str, Any], key: str, known: frozenset[str]) -> str:
    """The value of the tag that the connection names, else of the first one known by its name."""
    if key:
        return str(tags.get(key, ""))
    for name in sorted(tags):
        if _NO_LETTERS.sub("", _PREFIX.sub("", name).lower()) in known:
            return str(tags[name])
    return ""


def cost_center_of(tags: Mapping[str, Any], key: str) -> str:
    return tag_value(tags, key, _COST_CENTER)


def repository_of(tags: Mapping[str, Any], key: str) -> str:
    return tag_value(tags, key, _REPOSITORY)


def principal_of(arn: str) -> tuple[str, str]:
    """Who asked and through which role.

    `…:assumed-role/Claims/alice@example.com` is alice through Claims. A session that is no
    e-mail address is no person: then the role is who asked, because sessions come and go.
    """
    kind, _, rest = arn.partition(":assumed-role/") if ":assumed-role/" in arn else (arn, "", "")
    if not rest:
        return arn, ""
    role, _, session = rest.partition("/")
    return (session, role) if "@" in session else (f"{kind}:assumed-role/{role}", role)


def resource_of(resource_id: str) -> Resource:
    """Type and short name: the sixth part of an ARN is a model or an inference profile."""
    if not resource_id.startswith("arn:"):
        return Resource("", "")
    part = resource_id.split(":", 5)[-1]
    kind, mark, name = part.partition("/")
    return Resource(name, kind) if mark else Resource(part, "")
