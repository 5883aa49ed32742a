"""Annex VIII, section A of the EU AI Act: what is registered about a high-risk system, as JSON.

The numbers are those of the annex's points. `reference` is the unambiguous reference of point 4.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from adoption.choices import RiskTier
from adoption.inventories import columns as kinds
from adoption.inventories.columns import Column, cells_to_keep
from adoption.inventories.contracts import (
    BadCellError,
    InventoryRecord,
    InventoryRow,
    Reading,
    canonical,
    reject,
    repeated,
    short_title,
)
from adoption.inventories.documents import items_of, only_known
from portal.imports.contracts import Rejection

FORM = "annex-viii"
ITEMS = "systems"
POINTS: tuple[tuple[str, Column], ...] = (
    ("1", kinds.text("provider", "provider_contact")),
    ("2", kinds.text("submitter", "submitter_contact")),
    ("3", kinds.text("authorised_representative", "representative_contact")),
    ("4", kinds.text("trade_name", "trade_name", fallback=lambda record: record.title)),
    ("5", kinds.text("intended_purpose", "intended_purpose")),
    ("6", kinds.text("information_used", "data_inputs")),
    ("6", kinds.text("operating_logic", "operating_logic")),
    ("7", kinds.coded("status", "market_status", {
        "on_market": "on the market", "in_service": "in service",
        "ended": "no longer placed on the market or in service", "recalled": "recalled"})),
    ("8", kinds.text("certificate", "certificate")),
    ("8", kinds.day("certificate_expires_on", "certificate_expires_on")),
    ("8", kinds.text("notified_body", "notified_body")),
    ("9", kinds.text("certificate_copy", "certificate_copy")),
    ("10", kinds.text("member_states", "member_states")),
    ("11", kinds.text("declaration_of_conformity", "declaration")),
    ("12", kinds.text("instructions_for_use", "instructions")),
    ("13", kinds.text("more_information", "more_information")),
)  # fmt: skip
COLUMNS = tuple(column for _, column in POINTS)
_KEYS = ("reference", *(column.name for column in COLUMNS))


def read(data: bytes, file: str) -> Reading:
    """Every system of the document, or why it is not taken.

    Raises:
        ImportRefusedError: it is no JSON document of this form.
    """
    rows: list[InventoryRow] = []
    rejections: list[Rejection] = []
    for number, item in enumerate(items_of(data, file, form=FORM, items=ITEMS), start=1):
        found = _row(number, item)
        if isinstance(found, Rejection):
            rejections.append(found)
        else:
            rows.append(found)
    single, doubled = repeated(rows)
    return Reading(tuple(single), (*rejections, *doubled))


def _row(number: int, item: Mapping[str, Any]) -> InventoryRow | Rejection:
    raw = canonical(item)
    if problem := only_known(number, item, _KEYS):
        return problem
    cells = {key: "" if item.get(key) is None else item[key] for key in _KEYS}
    values: dict[str, Any] = {}
    for column in COLUMNS:
        cell = cells[column.name]
        try:
            if not isinstance(cell, str):
                raise BadCellError("a text or null")
            values[column.field] = column.read(cell)
        except BadCellError as error:
            return reject(number, column.name, cell, "bad_cell", error.expected, raw)
    reference = str(cells["reference"]).strip()
    name = short_title(values["trade_name"])
    if not reference or not name:
        missing = "trade_name" if reference else "reference"
        return reject(number, missing, "", "missing", "a text that names the system", raw)
    return InventoryRow(
        line=number,
        key=f"{FORM}:{reference}"[:255],
        slug=reference,
        title=name,
        claim={"risk_tier": RiskTier.HIGH},
        record=values,
        form_fields={FORM: cells_to_keep(COLUMNS, cells)},
        raw_text=raw,
    )


def write(records: Iterable[InventoryRecord]) -> dict[str, Any]:
    """The document: high-risk use cases only, as nothing else is registered there."""
    systems = []
    for record in records:
        if record.claim["risk_tier"] != RiskTier.HIGH:
            continue
        kept = record.form_fields.get(FORM, {})
        cells = {column.name: column.cell(record, kept) or None for column in COLUMNS}
        systems.append({"reference": record.slug, **cells})
    return {
        "form": FORM,
        "points": {column.name: point for point, column in POINTS},
        ITEMS: systems,
    }
