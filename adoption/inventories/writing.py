"""Writing a registry in any form, as text."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator

from adoption.inventories import annex, omb, own
from adoption.inventories.contracts import InventoryRecord
from portal.shell.exports import csv_lines

FORMS = (omb.FORM, annex.FORM, own.FORM)


def registry_text(records: Iterable[InventoryRecord], form: str) -> Iterator[str]:
    """The file of `form`, in pieces. CSV is formula-safe, and its reader undoes that."""
    if form == omb.FORM:
        yield from csv_lines(omb.HEADINGS, (row.values() for row in omb.write(records)))
        return
    document = annex.write(records) if form == annex.FORM else own.write(records)
    yield json.dumps(document, ensure_ascii=False, indent=2) + "\n"
