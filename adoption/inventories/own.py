"""The registry as a JSON document of our own: everything that a use case says about itself."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from adoption.choices import RiskTier, Stage, ValueType
from adoption.inventories.contracts import (
    CLAIM_FIELDS,
    LONGEST_TITLE,
    BadCellError,
    InventoryRecord,
    InventoryRow,
    Reading,
    canonical,
    reject,
    repeated,
)
from adoption.inventories.documents import items_of, only_known
from adoption.inventories.fields import (
    LONGEST_LINE,
    LONGEST_TEXT,
    RECORD_FIELDS,
    Kind,
    RecordField,
)
from portal.imports.contracts import Rejection
from portal.shell.money import decimal_text

FORM = "json"
DOCUMENT = "plumbline-registry"
ITEMS = "use_cases"
_NAMES = ("slug", "title", "stage", "programme", "team", "owner")
_KEYS = (*_NAMES, *CLAIM_FIELDS, "record", "form_fields")
_CHOICES = {"value_type": ValueType.values, "risk_tier": RiskTier.values, "stage": Stage.values}
_ENDS = (Stage.STOPPED, Stage.RETIRED)


def read(data: bytes, file: str) -> Reading:
    """Every use case of the document, or why it is not taken.

    Raises:
        ImportRefusedError: it is no JSON document of this form.
    """
    rows: list[InventoryRow] = []
    rejections: list[Rejection] = []
    for number, item in enumerate(items_of(data, file, form=DOCUMENT, items=ITEMS), start=1):
        found = _row(number, item)
        if isinstance(found, Rejection):
            rejections.append(found)
        else:
            rows.append(found)
    single, doubled = repeated(rows)
    return Reading(tuple(single), (*rejections, *doubled))


def _row(number: int, item: Mapping[str, Any]) -> InventoryRow | Rejection:
    raw = canonical(item)
    record = item.get("record") or {}
    if problem := only_known(number, item, _KEYS):
        return problem
    if not isinstance(record, dict):
        return reject(number, "record", record, "bad_cell", "an object", raw)
    if problem := only_known(number, record, RECORD_FIELDS):
        return problem
    texts: dict[str, str] = {}
    for name in (*_NAMES, *CLAIM_FIELDS):
        try:
            texts[name] = _text(name, item.get(name))
        except BadCellError as error:
            return reject(number, name, item.get(name), "bad_cell", error.expected, raw)
    values: dict[str, Any] = {}
    for name, cell in record.items():
        try:
            values[name] = _value(RECORD_FIELDS[name], cell)
        except BadCellError as error:
            return reject(number, f"record.{name}", cell, "bad_cell", error.expected, raw)
    stage = texts["stage"] if texts["stage"] in _ENDS else Stage.PROPOSED
    try:
        kept = _forms(item.get("form_fields"))
    except BadCellError as error:
        return reject(number, "form_fields", "", "bad_cell", error.expected, raw)
    return InventoryRow(
        line=number,
        key=f"{FORM}:{texts['slug']}",
        slug=texts["slug"],
        title=texts["title"],
        stage=stage,
        claim={name: texts[name] for name in CLAIM_FIELDS if texts[name]},
        record=values,
        programme=texts["programme"],
        teams=(texts["team"],) if texts["team"] else (),
        owner=texts["owner"],
        form_fields=kept,
        raw_text=raw,
    )


def _text(name: str, cell: object) -> str:
    if cell is None:
        cell = ""
    if not isinstance(cell, str) or "\0" in cell or len(cell) > LONGEST_TEXT:
        raise BadCellError("a text or null")
    if name in ("slug", "title") and not cell.strip():
        raise BadCellError("a text that names the use case")
    if name == "title" and len(cell) > LONGEST_TITLE:
        raise BadCellError(f"at most {LONGEST_TITLE} characters")
    if cell and name in _CHOICES and cell not in _CHOICES[name]:
        raise BadCellError(f"one of {', '.join(_CHOICES[name])}")
    return cell


def _value(field: RecordField, cell: object) -> Any:
    if field.kind is Kind.NAMES:
        return _names(cell)
    if field.kind in (Kind.NUMBER, Kind.DAY) and cell is None:
        return None
    cell = _text(field.name, cell)
    if field.kind is Kind.NUMBER:
        return _number(cell)
    if field.kind is Kind.DAY:
        return _day(cell)
    if field.kind is Kind.CHOICE and cell and cell not in dict(field.choices):
        raise BadCellError(f"one of {', '.join(dict(field.choices))}")
    if field.kind is Kind.LINE and len(cell) > LONGEST_LINE:
        raise BadCellError(f"at most {LONGEST_LINE} characters")
    return cell


def _forms(cell: object) -> dict[str, dict[str, str]]:
    """What other forms said, by form and column, as it was exported."""
    forms = {} if cell is None else cell
    is_good = isinstance(forms, dict) and all(
        isinstance(cells, dict) and all(isinstance(each, str) for each in cells.values())
        for cells in forms.values()
    )
    if not isinstance(forms, dict) or not is_good:
        raise BadCellError("an object of objects of texts")
    return forms


def _names(cell: object) -> list[str]:
    if cell is None:
        return []
    if not isinstance(cell, list) or not all(isinstance(each, str) for each in cell):
        raise BadCellError("a list of texts")
    return list(cell)


def _number(cell: str) -> Decimal:
    try:
        number = Decimal(cell)
    except InvalidOperation:
        raise BadCellError("a decimal number as text, or null") from None
    if not number.is_finite():
        raise BadCellError("a decimal number as text, or null")
    return number


def _day(cell: str) -> dt.date:
    try:
        return dt.date.fromisoformat(cell)
    except ValueError:
        raise BadCellError("a day, as 2026-11-29, or null") from None


def _out(field: RecordField, value: Any) -> Any:
    if value is None:
        return None
    if field.kind is Kind.NUMBER:
        return decimal_text(value)
    return value.isoformat() if field.kind is Kind.DAY else value


def write(records: Iterable[InventoryRecord]) -> dict[str, Any]:
    """The document, with every field of every use case; what nobody said is null or empty."""
    return {
        "form": DOCUMENT,
        "version": 1,
        ITEMS: [
            {
                "slug": record.slug,
                "title": record.title,
                "stage": record.stage,
                "programme": record.programme,
                "team": record.team,
                "owner": record.owner,
                **record.claim,
                "record": {
                    name: _out(field, record.record[name]) for name, field in RECORD_FIELDS.items()
                },
                "form_fields": dict(record.form_fields),
            }
            for record in records
        ],
    }
