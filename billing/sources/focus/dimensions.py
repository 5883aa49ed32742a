"""From the repeating cells of a row to a `Dimension`, checked and named by its digest."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from hashlib import blake2b
from operator import itemgetter
from typing import Any
from uuid import UUID

from billing.sources.focus.amounts import NULL_WORDS, BadNumberError, QuantityCache
from billing.sources.focus.attribution import Attribution
from billing.sources.focus.columns import (
    EXTRA,
    KNOWN,
    OLD_PROVIDER,
    PROVIDER,
    TAGS,
    TEXT_FIELDS,
    Layout,
)
from billing.sources.records import Dimension
from billing.sources.tables.documents import (
    canonical_json,
    object_or_text,
    parse_object,
    quoted,
)
from billing.sources.tables.rows import BadCellError

CHARGE_CATEGORIES = ("Usage", "Purchase", "Tax", "Credit", "Adjustment")
CORRECTION = "Correction"
CACHED_DIMENSIONS = 8_192
CACHED_MEASURES = 16_384
_REQUIRED_TEXT = ("BillingAccountId", "ChargeCategory")


def cell_picker(indexes: Sequence[int]) -> Callable[[list[str]], tuple[str, ...]]:
    """A function that picks these cells of a row as a tuple, at C speed."""
    if not indexes:
        return lambda cells: ()
    if len(indexes) == 1:
        only = indexes[0]
        return lambda cells: (cells[only],)
    return itemgetter(*indexes)


def clean_text(cell: str) -> str:
    """A text cell without surrounding blanks; `''` for a null, written as a word or not."""
    cell = cell.strip()
    return "" if cell in NULL_WORDS else cell


def digest_of(parts: Sequence[str]) -> bytes:
    """BLAKE2b-128 of texts. NUL is refused in every input, so it separates them safely."""
    return blake2b("\0".join(parts).encode("utf-8"), digest_size=16).digest()


class DimensionCache(dict[tuple[str, ...], tuple[Dimension, bytes]]):
    """Raw dimension cells of one file → `Dimension` and its digest's bytes.

    Bounded: it starts anew when full.
    """

    def __init__(self, layout: Layout, config: Mapping[str, Any]) -> None:
        super().__init__()
        self.pick = cell_picker(layout.dimension)
        self.unnamed_services = 0
        self.is_estimate = False
        names = [layout.names[index] for index in layout.dimension]
        at = {name: place for place, name in enumerate(names)}
        self._fields = {field: (at.get(column), column) for field, column in TEXT_FIELDS.items()}
        self._providers = [at[name] for name in (PROVIDER, OLD_PROVIDER) if name in at]
        self._old_provider = at.get(OLD_PROVIDER)
        self._tags = at.get(TAGS)
        self._extra = sorted(
            (name, place) for name, place in at.items() if name in EXTRA or name not in KNOWN
        )
        self._attribution = Attribution(names, config)

    def __missing__(self, cells: tuple[str, ...]) -> tuple[Dimension, bytes]:
        dimension = self._build([clean_text(cell) for cell in cells])
        if len(self) >= CACHED_DIMENSIONS:
            self.clear()
        self[cells] = dimension, dimension.digest.bytes
        return self[cells]

    def _build(self, cells: list[str]) -> Dimension:
        text = {
            field: "" if place is None else cells[place]
            for field, (place, _) in self._fields.items()
        }
        provider = next((cells[place] for place in self._providers if cells[place]), "")
        self._check(text, provider)
        tags = self._read_tags(cells)
        self.is_estimate = self.is_estimate or self._attribution.is_key(cells)
        values = {
            **text,
            **self._attribution.find(cells, tags),
            "provider": provider,
            "tags": canonical_json(tags),
            "extra": self._read_extra(cells, provider),
        }
        fields = [values[name] for name in Dimension._fields[1:]]
        return Dimension(UUID(bytes=digest_of(fields)), *fields)

    def _check(self, text: dict[str, str], provider: str) -> None:
        for field, (_, column) in self._fields.items():
            if column in _REQUIRED_TEXT and not text[field]:
                raise BadCellError(column, "missing_value", f"a {column}")
        if not provider:
            raise BadCellError(
                PROVIDER, "missing_value", f"the provider's name here or in {OLD_PROVIDER}"
            )
        category, charge_class = text["charge_category"], text["charge_class"]
        if category not in CHARGE_CATEGORIES:
            raise BadCellError(
                "ChargeCategory",
                "unknown_charge_category",
                f"one of {', '.join(CHARGE_CATEGORIES)}",
            )
        if charge_class not in ("", CORRECTION):
            raise BadCellError("ChargeClass", "unknown_charge_class", f"nothing, or {CORRECTION}")
        self.unnamed_services += not text["service_name"]

    def _read_tags(self, cells: list[str]) -> dict[str, Any]:
        if self._tags is None or not cells[self._tags]:
            return {}
        try:
            return read_tags(cells[self._tags])
        except ValueError as error:
            raise BadCellError(
                TAGS, "malformed_tags", 'a JSON object with unique keys, such as {"team": "a"}'
            ) from error

    def _read_extra(self, cells: list[str], provider: str) -> str:
        extra: dict[str, Any] = {
            name: object_or_text(cells[place]) for name, place in self._extra if cells[place]
        }
        if self._old_provider is not None and cells[self._old_provider] not in ("", provider):
            extra[OLD_PROVIDER] = cells[self._old_provider]
        return canonical_json(extra)


def read_tags(text: str) -> dict[str, Any]:
    """Tags as an object. Google has a list of keys and values, and some Azure exports leave the
    braces out.

    Raises:
        ValueError: none of these.
    """
    if text.startswith('"'):
        text = f"{{{text}}}"
    if not text.startswith("["):
        return parse_object(text)
    tags: dict[str, Any] = {}
    for item in parse_object(f'{{"tags":{text}}}')["tags"]:
        if not isinstance(item, dict) or not isinstance(item.get("key"), str):
            raise ValueError("a list of something else than keys and values")
        # A label and a tag may have one key: they are told apart by their kind, which Google's
        # older query calls `type`.
        kind = item.get("x_type") or item.get("type")
        key = f"{kind}/{item['key']}" if item["key"] in tags and kind else item["key"]
        if key in tags:
            raise ValueError("a key appears twice")
        tags[key] = item.get("value")
    return tags


class MeasureCache(dict[tuple[str, ...], str]):
    """Raw cells of further amounts of a line → canonical JSON; bounded."""

    def __init__(self, layout: Layout, quantities: QuantityCache) -> None:
        super().__init__()
        by_name = sorted((layout.names[index], index) for index in layout.measures)
        self.indexes = [index for _, index in by_name]
        self.pick = cell_picker(self.indexes)
        self._keys = [f"{quoted(name)}:" for name, _ in by_name]
        self._quantities = quantities

    def __missing__(self, cells: tuple[str, ...]) -> str:
        parts = [
            key + value
            for key, cell in zip(self._keys, cells, strict=True)
            if (value := self._read(cell))
        ]
        measures = "{" + ",".join(parts) + "}"
        if len(self) >= CACHED_MEASURES:
            self.clear()
        self[cells] = measures
        return measures

    def _read(self, cell: str) -> str:
        """A number as canonical text, so that 1.0 and 1.00 are the same; else as it came."""
        try:
            number = self._quantities[cell]
        except BadNumberError:
            return canonical_json(object_or_text(clean_text(cell)))
        return f'"{number}"' if number else ""
