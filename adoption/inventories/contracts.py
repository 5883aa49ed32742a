"""What every form reads and writes: rows in, records out, and what is wrong with a row."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from portal.imports.contracts import Rejection

LONGEST_TITLE = 160
CLAIM_FIELDS = ("problem", "hypothesis", "stop_rule", "value_type", "risk_tier")


class BadCellError(ValueError):
    """A cell cannot be read. `expected` is a sentence fragment."""

    def __init__(self, expected: str) -> None:
        super().__init__(expected)
        self.expected = expected


@dataclass(frozen=True, slots=True)
class InventoryRow:
    """One use case as a form has it.

    Attributes:
        line: first physical line of the record; for JSON its number, from 1.
        key: who the row says it is: the form and its own identifier. The same key is the same
            use case, whenever the file comes again.
        slug: the address that our own export gave it; empty for rows of others.
        title: at most 160 characters; a longer one is cut at a word and kept in `form_fields`.
        claim: fields of the use case that the row states.
        record: fields of the record that the row states, by name.
        stage: where it stands as far as a row can say it: `proposed`, `stopped` or `retired`.
        programme, teams, owner: names as the row has them; teams from the top down.
        form_fields: cells that our words would not write the same, by form and column.
        raw_text: the record as it came.
    """

    line: int
    key: str
    title: str
    slug: str = ""
    claim: Mapping[str, str] = field(default_factory=dict)
    record: Mapping[str, Any] = field(default_factory=dict)
    stage: str = "proposed"
    programme: str = ""
    teams: tuple[str, ...] = ()
    owner: str = ""
    form_fields: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    raw_text: str = ""

    @property
    def digests(self) -> dict[str, str]:
        """Names the content of each field, so that a later file tells what *it* has changed."""
        stated = {"title": self.title, "stage": self.stage, "form_fields": dict(self.form_fields)}
        stated |= {**self.claim, **self.record}
        return {
            name: hashlib.sha256(canonical(value).encode()).hexdigest()[:16]
            for name, value in stated.items()
        }


@dataclass(frozen=True, slots=True)
class Reading:
    """What was read of one file."""

    rows: tuple[InventoryRow, ...]
    rejections: tuple[Rejection, ...]


@dataclass(frozen=True, slots=True)
class InventoryRecord:
    """One use case on its way out, in plain values.

    `record` holds every field of `fields.py`; `form_fields` what forms said, by form.
    """

    slug: str
    title: str
    stage: str
    programme: str
    team: str
    team_name: str
    owner: str
    owner_email: str
    claim: Mapping[str, str]
    record: Mapping[str, Any]
    form_fields: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


def short_title(text: str) -> str:
    """`text` in at most 160 characters, cut at a word."""
    text = text.strip()
    if len(text) <= LONGEST_TITLE:
        return text
    head = text[: LONGEST_TITLE - 1]
    return f"{head.rsplit(' ', 1)[0] if ' ' in head else head}…"


def repeated(rows: list[InventoryRow]) -> tuple[list[InventoryRow], list[Rejection]]:
    """Rows whose key no other row has, and a rejection for each of the others."""
    count: dict[str, int] = {}
    for row in rows:
        count[row.key] = count.get(row.key, 0) + 1
    single = [row for row in rows if count[row.key] == 1]
    doubled = [
        reject(row.line, "id", row.key.partition(":")[2], "repeated_id",
               "an identifier that no other row of the file has", row.raw_text)
        for row in rows if count[row.key] > 1
    ]  # fmt: skip
    return single, doubled


def reject(
    line: int, name: str, value: object, code: str, expected: str, raw_text: str
) -> Rejection:
    """A row of the only file that is not taken."""
    return Rejection(0, line, name, str(value)[:200], code, expected, raw_text)


def canonical(data: object) -> str:
    """One text for one content, whatever the order of keys."""
    return json.dumps(data, sort_keys=True, ensure_ascii=False, default=str)
