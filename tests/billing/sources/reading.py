"""Reading answers with a source, without an engine and without a database."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from billing.sources.records import ChargeRecord, UsageRecord
from portal.imports.contracts import LandedFile, Note, ReadOptions, Rejection, Source
from tests.billing.sources.fake_provider import json_text


class Read:
    """What a source made of its input."""

    def __init__(
        self, source: Source, files: list[LandedFile], config: dict[str, Any], **more: Any
    ) -> None:
        self.charges: list[ChargeRecord] = []
        self.usage: list[UsageRecord] = []
        self.rejections: list[Rejection] = []
        self.notes: list[Note] = []
        for batch in source.read(files, ReadOptions(config=config, **more)):
            for record in batch.records:
                is_usage = isinstance(record, UsageRecord)
                (self.usage if is_usage else self.charges).append(record)
            self.rejections += batch.rejections
            self.notes += batch.notes

    @property
    def quantities(self) -> dict[str, int]:
        """Whole units by metric, added up."""
        found: dict[str, int] = {}
        for each in self.usage:
            metric = each.dimension.metric
            found[metric] = found.get(metric, 0) + each.quantity_micro // 10**6
        return found


def land(folder: Path, *bodies: Any, names: Sequence[str] = ()) -> list[LandedFile]:
    """Each body as a file of its own, by these names; bytes as they are."""
    files = []
    for index, body in enumerate(bodies):
        content = body if isinstance(body, bytes) else json_text(body)
        path = folder / f"answer-{index}.json"
        path.write_bytes(content)
        digest = hashlib.sha256(content).hexdigest()
        name = names[index] if names else path.name
        files.append(LandedFile(index, name, path, digest, len(content)))
    return files
