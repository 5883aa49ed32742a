"""JSON as money needs it: exact numbers, no key twice, nothing that is not JSON."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

from portal.imports.outbound.errors import AnswerRefusedError


def read_json(content: bytes, *, place: str) -> Any:
    """Parse; numbers become int or Decimal, never float.

    Raises:
        AnswerRefusedError: it is no JSON, has a key twice in one object, NaN or infinity, a number
            of thousands of digits, or is nested too deeply.
    """
    if content.lstrip()[:1] == b"<":
        raise AnswerRefusedError(
            "not_json", f"{place} answered with a page where JSON was expected"
        )
    try:
        return json.loads(
            content.decode("utf-8-sig"),
            parse_float=Decimal,
            parse_constant=_no_number,
            object_pairs_hook=_object,
        )
    except _DuplicateKeyError as error:
        raise AnswerRefusedError(
            "duplicate_key", f"{place} answered an object with one key twice", value=str(error)
        ) from None
    except (ValueError, RecursionError) as error:
        where = f" at character {error.pos}" if isinstance(error, json.JSONDecodeError) else ""
        raise AnswerRefusedError("not_json", f"{place} answered no valid JSON{where}") from None


class _DuplicateKeyError(Exception):
    """An object has a key twice: which value counts would be chance."""


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise _DuplicateKeyError(key[:80])
        found[key] = value
    return found


def _no_number(text: str) -> Any:
    raise ValueError(f"{text} is no number")
