"""Answers of providers for tests: spooled as the engine does it, read by a source, imported."""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

from billing.models import Charge, Usage
from billing.sources.records import ChargeRecord, ControlTotal, UsageRecord
from portal.imports.contracts import (
    FetchJob,
    FetchSpec,
    LandedFile,
    Note,
    ReadOptions,
    Rejection,
    Source,
)
from portal.imports.fetching import spool_line
from portal.models import Connection
from portal.services.connections import create_connection
from tests.billing.services.charges import assert_books_balance, fingerprint
from tests.imports import START, counts, run_import

Params = Sequence[tuple[str, str]]
Provider = Callable[[str, Mapping[str, str], Mapping[str, Any]], Any]  # path, query, body → answer


def exact_json(text: bytes | str) -> Any:
    """JSON as the engine reads it."""
    return json.loads(text, parse_float=Decimal)


class Asking:
    """Asks a provider that lives in this process and spools its answers like the engine."""

    def __init__(self, provider: Provider, redact: Callable[[Any], Any] | None = None) -> None:
        self.provider = provider
        self.redact = redact
        self.spool = b""
        self.asked: list[tuple[str, dict[str, str], dict[str, Any]]] = []

    def __call__(
        self,
        endpoint: str,
        path: str,
        params: Params = (),
        *,
        body: Mapping[str, Any] | None = None,
    ) -> Any:
        self.asked.append((path, dict(params), dict(body or {})))
        text = json.dumps(self.provider(path, dict(params), dict(body or {})), default=_number)
        data = exact_json(text)
        kept = json.dumps(self.redact(data), default=str) if self.redact else text
        self.spool += spool_line(endpoint, kept.encode())
        return exact_json(text)


def _number(value: Any) -> float:
    """Providers write binary floats."""
    return float(value)


def fetched(
    spec: FetchSpec,
    config: Mapping[str, Any],
    provider: Provider,
    start: date,
    end: date,
    today: date | None = None,
) -> bytes:
    """The spool of one fetch."""
    asking = Asking(provider, spec.redact)
    spec.fetch(FetchJob(config, start, end, asking, today))
    return asking.spool


def spool(*answers: tuple[str, Any]) -> bytes:
    """Answers of endpoints as a spool."""
    return b"".join(
        spool_line(endpoint, json.dumps(body, default=_number).encode())
        for endpoint, body in answers
    )


@dataclass(frozen=True)
class Read:
    """What a source made of an input."""

    charges: list[ChargeRecord]
    usage: list[UsageRecord]
    controls: list[ControlTotal]
    rejections: list[Rejection]
    notes: list[Note]

    def quantities(self) -> dict[tuple[str, str], Decimal]:
        """Sums by report and metric."""
        found: dict[tuple[str, str], Decimal] = {}
        for record in self.usage:
            key = record.dimension.dataset, record.dimension.metric
            found[key] = found.get(key, Decimal(0)) + Decimal(record.quantity_micro).scaleb(-6)
        return found

    def billed(self) -> Decimal:
        return sum((record.billed_exact for record in self.charges), Decimal(0))

    def effective(self) -> Decimal:
        return sum((record.effective_exact or Decimal(0) for record in self.charges), Decimal(0))

    def note_codes(self) -> set[str]:
        return {note.code for note in self.notes}


def read(source: Source, folder: Path, *contents: bytes, **config: Any) -> Read:
    """Read files with these contents."""
    files = []
    for index, content in enumerate(contents):
        path = folder / f"answer-{index}"
        path.write_bytes(content)
        files.append(LandedFile(index, path.name, path, "0" * 64, len(content)))
    records: list[Any] = []
    rejections: list[Rejection] = []
    notes: list[Note] = []
    for batch in source.read(files, ReadOptions(config=config)):
        records += batch.records
        rejections += batch.rejections
        notes += batch.notes
    return Read(
        [each for each in records if isinstance(each, ChargeRecord)],
        [each for each in records if isinstance(each, UsageRecord)],
        [each for each in records if isinstance(each, ControlTotal)],
        rejections,
        notes,
    )


def connect(source: str, *, slug_suffix: str = "", **config: Any) -> Connection:
    """A connection of a source; the jump brake is off."""
    bounds = {"hold_jump_percent": 10_000, "hold_jump_floor": 10**9}
    return create_connection(
        source=source, slug=source + slug_suffix, config={**bounds, **config}, at=START
    )


def stored() -> tuple[Counter[Any], Counter[Any]]:
    """The cost lines and quantities that hold now, without where they came from."""
    charges = Charge.objects.filter(superseded_at__isnull=True).values_list(
        *("day", "dimension__digest", "billed_nano", "effective_nano", "list_nano", "content")
    )
    usage = Usage.objects.filter(superseded_at__isnull=True).values_list(
        *("day", "dimension__digest", "quantity_micro")
    )
    return Counter(charges), Counter(usage)


def assert_same_however_it_comes(
    connection: Connection, contents: Mapping[str, bytes], window: tuple[date | None, date | None]
) -> None:
    """The first content brings rows; each other is the same and changes nothing at all."""
    names = list(contents)
    first = run_import(connection, contents[names[0]], window=window)
    assert first.status == "applied", first.problem or first.held_reason
    before, written = stored(), fingerprint()
    assert before[0] or before[1]
    for name in names[1:]:
        run = run_import(connection, contents[name], window=window)
        assert run.status == "applied", (name, run.problem, run.held_reason)
        assert counts(run) == {"read": first.read, "unchanged": first.read}, name
        assert (stored(), fingerprint()) == (before, written), name
        assert run.totals_in == first.totals_in
    assert_books_balance()


def shuffled(rows: Sequence[Any], seed: int = 7) -> list[Any]:
    """The same rows in another order."""
    mixed = list(rows)
    random.Random(seed).shuffle(mixed)  # noqa: S311  (an order, not a secret)
    return mixed
