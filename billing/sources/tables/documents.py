"""JSON objects in cells, as canonical text: sorted keys, no blanks, numbers as they came."""

from __future__ import annotations

import json
from collections.abc import Mapping
from json.encoder import encode_basestring
from typing import Any


class _NumberText(str):
    """A JSON number kept as its digits, because a float would change it."""

    __slots__ = ()


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    document = dict(pairs)
    if len(document) != len(pairs):
        raise ValueError("a key appears twice")
    return document


def _no_constant(word: str) -> Any:
    raise ValueError(f"{word} is not JSON")


def parse_object(text: str) -> dict[str, Any]:
    """The JSON object a cell holds.

    Raises:
        ValueError: not JSON, not an object, a key twice, NaN, or text no database can hold.
    """
    try:
        document = json.loads(
            text,
            object_pairs_hook=_unique,
            parse_float=_NumberText,
            parse_int=_NumberText,
            parse_constant=_no_constant,
        )
        if not isinstance(document, dict):
            raise ValueError("not a JSON object")
        canonical_json(document).encode("utf-8")
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
    if "\\u0000" in text and "\0" in _all_texts(document):
        raise ValueError("a text holds a NUL character")
    return document


def _all_texts(value: Any) -> str:
    """All texts of a document behind one another."""
    if isinstance(value, str):
        return value
    if isinstance(value, Mapping):
        return "".join(f"{key}{_all_texts(item)}" for key, item in value.items())
    if isinstance(value, list):
        return "".join(map(_all_texts, value))
    return ""


def canonical_json(value: Any) -> str:
    """A parsed document as text that is the same for the same document."""
    if isinstance(value, _NumberText):
        return str(value)
    if isinstance(value, Mapping):
        items = (f"{quoted(key)}:{canonical_json(value[key])}" for key in sorted(value))
        return "{" + ",".join(items) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(canonical_json, value)) + "]"
    return quoted(value)


def quoted(value: Any) -> str:
    """A text, truth value or null as JSON."""
    return encode_basestring(value) if isinstance(value, str) else json.dumps(value)


def object_or_text(text: str) -> Any:
    """A cell that may hold a JSON object: the object when it does, else the text itself."""
    if not text.startswith("{"):
        return text
    try:
        return parse_object(text)
    except ValueError:
        return text
