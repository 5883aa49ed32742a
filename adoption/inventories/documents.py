"""JSON documents of registries: one object with a list of use cases in it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from adoption.inventories.contracts import canonical, reject
from portal.imports.contracts import ImportRefusedError, Rejection


def items_of(data: bytes, file: str, *, form: str, items: str) -> list[Mapping[str, Any]]:
    """The objects below `items` of a document that says it is `form`.

    Raises:
        ImportRefusedError: it is something else.
    """
    try:
        document = json.loads(data.decode("utf-8-sig"))
    except (UnicodeDecodeError, ValueError, RecursionError) as error:
        line = getattr(error, "lineno", None)
        raise ImportRefusedError(
            "bad_json", "The file is no JSON in UTF-8.", file=file, line=line
        ) from error
    if not isinstance(document, dict) or document.get("form") != form:
        raise ImportRefusedError(
            "other_form", "The document is not of this form.", file=file, column="form",
            expected=f'an object with "form": "{form}"',
        )  # fmt: skip
    found = document.get(items)
    if not isinstance(found, list) or not all(isinstance(each, dict) for each in found):
        raise ImportRefusedError(
            "bad_items", "The document has no list of use cases.", file=file, column=items,
            expected="a list of objects",
        )  # fmt: skip
    return found


def only_known(number: int, item: Mapping[str, Any], known: Iterable[str]) -> Rejection | None:
    """A rejection for a key that the form does not have: taking it would lose it."""
    allowed = tuple(known)
    for key in item:
        if key not in allowed:
            expected = f"one of {', '.join(allowed)}"
            return reject(number, str(key), item[key], "unknown_key", expected, canonical(item))
    return None
