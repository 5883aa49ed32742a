"""Small FOCUS files written for these tests, and a way to read them."""

from __future__ import annotations

import csv
import hashlib
import io
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID

import pytest

from billing.sources.focus.source import FocusSource
from billing.sources.records import ChargeRecord
from billing.sources.tables import csv_rows
from portal.imports.contracts import (
    Batch,
    ImportRefusedError,
    LandedFile,
    Limits,
    Note,
    ReadOptions,
    Rejection,
)

BASE_ROW = {
    "BillingAccountId": "0042",
    "BillingAccountName": "Example Corp",
    "BillingCurrency": "USD",
    "BillingPeriodStart": "2026-05-01T00:00:00Z",
    "BillingPeriodEnd": "2026-06-01T00:00:00Z",
    "ChargePeriodStart": "2026-05-03T10:00:00Z",
    "ChargePeriodEnd": "2026-05-03T11:00:00Z",
    "BilledCost": "1.50",
    "EffectiveCost": "1.25",
    "ListCost": "2",
    "ContractedCost": "1.5",
    "ListUnitPrice": "0.02",
    "PricingQuantity": "100",
    "PricingUnit": "1000 Tokens",
    "ConsumedQuantity": "100000",
    "ConsumedUnit": "Tokens",
    "ChargeCategory": "Usage",
    "ChargeClass": "",
    "ChargeDescription": "Tokens, input",
    "ChargeFrequency": "Usage-Based",
    "InvoiceIssuerName": "Cloud Ltd",
    "ProviderName": "Cloud",
    "PublisherName": "Model Maker",
    "ServiceCategory": "AI and Machine Learning",
    "ServiceName": "Model Service",
    "ServiceSubcategory": "Generative AI",
    "ResourceId": "model-1",
    "x_Project": "apollo",
    "Tags": '{"team": "core", "use_case": "triage"}',
}


@dataclass
class Outcome:
    """Everything that one read yielded."""

    records: list[ChargeRecord] = field(default_factory=list)
    rejections: list[Rejection] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)

    @property
    def digests(self) -> Counter[tuple[UUID, UUID]]:
        return Counter((record.identity, record.content) for record in self.records)

    @property
    def note_codes(self) -> list[str]:
        return [note.code for note in self.notes]


def rows_of(count: int, **changes: str) -> list[dict[str, str]]:
    """Rows that differ by hour and amount."""
    return [
        BASE_ROW
        | {
            "ChargePeriodStart": f"2026-05-{1 + n // 24:02}T{n % 24:02}:00:00Z",
            "ChargePeriodEnd": f"2026-05-{1 + n // 24:02}T{n % 24:02}:59:59Z",
            "BilledCost": f"{n}.{n:03}",
        }
        | changes
        for n in range(count)
    ]


def csv_bytes(rows: Iterable[Mapping[str, str]], line_end: str = "\n") -> bytes:
    """The rows as CSV; the header is that of the first row."""
    rows = list(rows)
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, list(rows[0]), lineterminator=line_end)
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()


def row_bytes(**changes: str) -> bytes:
    """A file of one ordinary row and one with these changes, on line 3."""
    return csv_bytes([BASE_ROW, BASE_ROW | changes])


def without(*columns: str) -> list[dict[str, str]]:
    """One ordinary row without these columns."""
    return [{name: cell for name, cell in BASE_ROW.items() if name not in columns}]


def read_landed(files: Iterable[LandedFile], options: ReadOptions | None = None) -> Outcome:
    """Read files to the end."""
    outcome = Outcome()
    for batch in FocusSource().read(files, options or ReadOptions()):
        gather(outcome, batch)
    return outcome


def gather(outcome: Outcome, batch: Batch) -> None:
    outcome.records.extend(batch.records)
    outcome.rejections.extend(batch.rejections)
    outcome.notes.extend(batch.notes)


def make_chunks_small(patch: pytest.MonkeyPatch) -> None:
    """Let small files be read by column too, in several chunks."""
    patch.setattr(csv_rows, "BLOCK_BYTES", 1_500)
    patch.setattr(csv_rows, "CHUNK_BYTES", 4_000)
    patch.setattr(csv_rows, "LEAST_CHUNK_BYTES", 1_000)


def read_by_row_only(patch: pytest.MonkeyPatch) -> None:
    """Let no file be read by column."""
    patch.setattr(csv_rows, "LEAST_CHUNK_BYTES", 2**60)


def landed(path: Path, index: int = 0) -> LandedFile:
    """A file as the engine hands it over."""
    data = path.read_bytes()
    return LandedFile(index, path.name, path, hashlib.sha256(data).hexdigest(), len(data))


class Reader:
    """Reads bytes as if they had landed below a temporary folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def land(self, *contents: bytes) -> list[LandedFile]:
        files = []
        for index, content in enumerate(contents):
            path = self.folder / f"part-{index}.data"
            path.write_bytes(content)
            files.append(landed(path, index))
        return files

    def __call__(
        self,
        *contents: bytes,
        limits: Limits | None = None,
        repairs: Mapping[str, str] | None = None,
    ) -> Outcome:
        options = ReadOptions(limits=limits or Limits(), repairs=repairs or {})
        return read_landed(self.land(*contents), options)

    def refusal(self, *contents: bytes, limits: Limits | None = None) -> ImportRefusedError:
        with pytest.raises(ImportRefusedError) as caught:
            self(*contents, limits=limits)
        return caught.value

    def rejection(self, content: bytes) -> Rejection:
        """The only rejection of a file, the other rows of which are taken."""
        outcome = self(content)
        assert len(outcome.rejections) == 1
        return outcome.rejections[0]
