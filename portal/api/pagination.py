"""Cursor pagination by key: every page costs the same, and inserts move nothing.

A cursor holds the sort key of a row, never an offset. Rows that come in while somebody pages
through a list show up where they belong: none is shown twice, none that was there is left out.
"""

from __future__ import annotations

import base64
import binascii
import datetime as dt
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.core.exceptions import FieldDoesNotExist, ValidationError
from django.db.models import Field, Q, QuerySet
from rest_framework.request import Request

from portal.api.errors import FieldProblem, Problem, invalid

DEFAULT_LIMIT = 100
MAX_LIMIT = 500
MAX_CURSOR = 2000  # characters; the longest sort key is far below
FORWARD, BACKWARD = "f", "b"


class UnstableOrderError(TypeError):
    """An order that does not end in a unique key, or that holds a nullable or unknown field."""


@dataclass(frozen=True, slots=True)
class SortKey:
    """One column of an order."""

    name: str
    descending: bool
    field: Field[Any, Any]

    @property
    def expression(self) -> str:
        return f"-{self.name}" if self.descending else self.name

    @property
    def reversed_expression(self) -> str:
        return self.name if self.descending else f"-{self.name}"


def sort_keys(queryset: QuerySet[Any, Any], ordering: Sequence[str]) -> tuple[SortKey, ...]:
    """The columns of `ordering` (field names, `-` for descending), checked.

    Raises:
        UnstableOrderError: pages would overlap or lose rows.
    """
    keys = []
    for expression in ordering:
        name = expression.lstrip("-")
        try:
            field = queryset.model._meta.get_field(name)
        except FieldDoesNotExist as error:
            raise UnstableOrderError(f"{name} is no field of {queryset.model.__name__}") from error
        if not isinstance(field, Field) or field.null:
            raise UnstableOrderError(f"{name} may be null, so it has no place in an order")
        keys.append(SortKey(name, expression.startswith("-"), field))
    if not keys or not keys[-1].field.unique:
        raise UnstableOrderError(f"an order must end in a unique key: {list(ordering)}")
    return tuple(keys)


def _fingerprint(keys: Sequence[SortKey]) -> str:
    label = keys[0].field.model._meta.label
    text = f"{label}:{','.join(key.expression for key in keys)}"
    return hashlib.sha256(text.encode()).hexdigest()[:8]


def bad_cursor() -> Problem:
    """400 for a cursor that this list did not give out."""
    return invalid(
        {
            "cursor": [
                FieldProblem(
                    "bad_cursor",
                    "This list did not give out that cursor. Follow the links of a page, or start "
                    "again without a cursor.",
                )
            ]
        }
    )


def encode_cursor(direction: str, keys: Sequence[SortKey], row: Any) -> str:
    """An opaque cursor at `row` (from `values()`, or a model's)."""
    values = [
        _to_json(row[key.name] if isinstance(row, dict) else getattr(row, key.name)) for key in keys
    ]
    text = json.dumps([_fingerprint(keys), direction, values], separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _to_json(value: Any) -> Any:
    return value.isoformat() if isinstance(value, (dt.date, dt.datetime)) else value


def decode_cursor(text: str, keys: Sequence[SortKey]) -> tuple[str, list[Any]]:
    """Direction and key values of a cursor.

    Raises:
        Problem: 400, it is not one of this list's cursors.
    """
    if len(text) > MAX_CURSOR:
        raise bad_cursor()
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        fingerprint, direction, values = json.loads(raw)
    except (binascii.Error, ValueError, TypeError, RecursionError):
        raise bad_cursor() from None
    if (
        fingerprint != _fingerprint(keys)
        or direction not in (FORWARD, BACKWARD)
        or not isinstance(values, list)
        or len(values) != len(keys)
    ):
        raise bad_cursor()
    return direction, [_from_json(key, value) for key, value in zip(keys, values, strict=True)]


def _from_json(key: SortKey, value: Any) -> Any:
    if not isinstance(value, (str, int)) or isinstance(value, bool):
        raise bad_cursor()
    if isinstance(value, str) and "\0" in value:
        raise bad_cursor()  # PostgreSQL has no such text
    if isinstance(value, int) and abs(value) > 2**63 - 1:
        raise bad_cursor()
    try:
        found = key.field.to_python(value)
    except (ValidationError, ValueError, TypeError, OverflowError):
        raise bad_cursor() from None
    if found is None or (isinstance(found, dt.datetime) and found.tzinfo is None):
        raise bad_cursor()
    return found


def _beyond(keys: Sequence[SortKey], values: Sequence[Any], direction: str) -> Q:
    """Rows strictly after (or before) the key `values` in the order of `keys`."""
    condition = Q()
    equal: dict[str, Any] = {}
    for key, value in zip(keys, values, strict=True):
        lookup = "lt" if key.descending is (direction == FORWARD) else "gt"
        condition |= Q(**equal, **{f"{key.name}__{lookup}": value})
        equal[key.name] = value
    # Redundant, but with it an index on the first column is a range and not a scan.
    first = keys[0]
    bound = "lte" if first.descending is (direction == FORWARD) else "gte"
    return Q(**{f"{first.name}__{bound}": values[0]}) & condition


def read_limit(text: str | None, default: int = DEFAULT_LIMIT) -> int:
    """How many rows a page has.

    Raises:
        Problem: 400, not a whole number from 1 to `MAX_LIMIT`.
    """
    if text is None:
        return default
    if not (text.isascii() and text.isdigit() and len(text) < 5 and 1 <= int(text) <= MAX_LIMIT):
        raise invalid(
            {"limit": [FieldProblem("invalid", f"Give a whole number from 1 to {MAX_LIMIT}.")]}
        )
    return int(text)


@dataclass(frozen=True, slots=True)
class Page:
    """Rows of one page and the cursors to its neighbours (None where there is none)."""

    rows: list[Any]
    next: str | None
    previous: str | None


def read_page(
    queryset: QuerySet[Any, Any],
    *,
    ordering: Sequence[str],
    cursor: str | None,
    limit: int,
) -> Page:
    """One page of `queryset` (models, or `values()` that include the ordering's fields).

    Raises:
        Problem: 400, the cursor is not one of this list's.
        UnstableOrderError: a mistake in the calling code.
    """
    keys = sort_keys(queryset, ordering)
    direction = FORWARD
    if cursor is not None:
        direction, values = decode_cursor(cursor, keys)
        queryset = queryset.filter(_beyond(keys, values, direction))
    backward = direction == BACKWARD
    order = [key.reversed_expression if backward else key.expression for key in keys]
    rows = list(queryset.order_by(*order)[: limit + 1])
    more = len(rows) > limit
    rows = rows[:limit]
    if backward:
        rows.reverse()
    if not rows:
        return Page([], None, None)
    has_next = more if not backward else True
    has_previous = more if backward else cursor is not None
    return Page(
        rows,
        encode_cursor(FORWARD, keys, rows[-1]) if has_next else None,
        encode_cursor(BACKWARD, keys, rows[0]) if has_previous else None,
    )


def page_links(request: Request, page: Page) -> dict[str, str | None]:
    """Absolute `next` and `previous` addresses with all other parameters kept."""

    def link(cursor: str | None) -> str | None:
        if cursor is None:
            return None
        kept = [
            (name, value)
            for name, found in request.query_params.lists()
            if name != "cursor"
            for value in found
        ]
        return request.build_absolute_uri(
            f"{request.path}?{urlencode([*kept, ('cursor', cursor)])}"
        )

    return {"next": link(page.next), "previous": link(page.previous)}
