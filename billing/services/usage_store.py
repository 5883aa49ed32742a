"""Storing quantities: a slice is a report's day, and only slices that differ are written.

Reports of usage are aggregates, thousands of rows a day and not millions, so rows of a changed
slice are compared here and not in SQL.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from hashlib import blake2b
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import Max
from django.db.models.functions import Coalesce

from billing.models import Usage, UsageSlice
from billing.services.fact_lock import hold_what_facts_point_at
from billing.services.staged_slices import Days
from billing.sources import records
from billing.sources.records import SNAPSHOT, UsageDimension, UsageRecord
from portal.imports.registry import Plan, Window
from portal.imports.staging import Appender, StagingTable
from portal.models import ImportRun

SliceKey = tuple[str, date]  # report, day
RowKey = tuple[UUID, int]  # identity, quantity
_MODULUS = 2**63
_BATCH = 2_000
_INSERTED_AT_ONCE = 5_000  # rows: they are packed by column, and then sent
_COLUMNS = {
    **dict.fromkeys(("slice_id", "dimension_id", "run_id", "file_id", "line"), "bigint"),
    "identity": "uuid",
    "day": "date",
    **dict.fromkeys(("period_start", "period_end"), "datetime"),
    "quantity_micro": "bigint",
    "recorded_at": "datetime",
}


@dataclass(slots=True)
class _Staged:
    """One slice of this run, beside what is stored under the same key.

    `sum` is the plain sum of the digests of its rows; what is stored is its remainder.
    """

    rows: list[UsageRecord] = field(default_factory=list)
    sum: int = 0
    stored: UsageSlice | None = None
    gone: list[int] = field(default_factory=list)  # live rows that are no longer there
    new: list[UsageRecord] = field(default_factory=list)

    @property
    def digest(self) -> int:
        return self.sum % _MODULUS

    @property
    def is_changed(self) -> bool:
        stored = self.stored
        return stored is None or (stored.rows, stored.digest) != (len(self.rows), self.digest)


class _Places(dict[tuple[str, datetime], _Staged | None]):
    """Report and start of the period → the slice; none outside the run's window."""

    def __init__(self, slices: dict[SliceKey, _Staged], window: Window) -> None:
        super().__init__()
        self.days = Days()
        self._slices = slices
        self._window = window

    def __missing__(self, place: tuple[str, datetime]) -> _Staged | None:
        dataset, start = place
        day = self.days[start]
        is_taken = self._window.contains(day)
        staged = self._slices.setdefault((dataset, day), _Staged()) if is_taken else None
        self[place] = staged
        return staged


def _key(record: UsageRecord) -> RowKey:
    return record.identity, record.quantity_micro


def _row_digest(identity: UUID, quantity_micro: int) -> int:
    text = identity.bytes + b"%d" % quantity_micro
    return int.from_bytes(blake2b(text, digest_size=8).digest(), "big") >> 1


class UsageStore:
    """The store of the quantities of one run. See `portal.imports.registry.Store`."""

    def __init__(self, run: ImportRun) -> None:
        self.run = run
        self.window = Window(run.window_start, run.window_end)
        self._slices: dict[SliceKey, _Staged] = {}
        self._places = _Places(self._slices, self.window)

    def open(self) -> None:
        self._forget()

    def close(self) -> None:
        self._forget()

    def _forget(self) -> None:
        self._slices.clear()
        self._places.clear()

    def stage(self, taken: Sequence[UsageRecord]) -> int:
        """Keep the records whose day lies in the run's window; returns how many."""
        count, places = 0, self._places
        for record in taken:
            staged = places[record.dimension.dataset, record.period_start]
            if staged is not None:
                staged.rows.append(record)
                staged.sum += _row_digest(record.identity, record.quantity_micro)
                count += 1
        return count

    def plan(self) -> Plan:
        """What would change. Called with the connection's lock held."""
        plan = Plan()
        if not self._slices:
            return plan
        hold_what_facts_point_at()
        self._load_stored()
        self._hold_emptied(plan)
        plan.overtaken_by = self._newer_run()
        for staged in self._slices.values():
            self._compare(staged, plan)
        return plan

    def _load_stored(self) -> None:
        days = {day for _, day in self._slices}
        known = UsageSlice.objects.filter(connection_id=self.run.connection_id, day__in=days)
        for stored in known:
            staged = self._slices.get((stored.dataset, stored.day))
            if staged is not None:
                staged.stored = stored

    def _hold_emptied(self, plan: Plan) -> None:
        """A day of a declared window that had rows in a report which came, and has none now."""
        if self.window.start is None or self.window.end is None:
            return
        known = UsageSlice.objects.filter(
            connection_id=self.run.connection_id,
            dataset__in={name for name, _ in self._slices if not name.endswith(SNAPSHOT)},
            day__gte=self.window.start,
            day__lt=self.window.end,
            rows__gt=0,
        )
        for stored in known.order_by("day", "dataset"):
            key = (stored.dataset, stored.day)
            if key not in self._slices:
                self._slices[key] = _Staged(stored=stored)
                plan.hold_reasons.append(
                    f"{stored.day}: {stored.dataset} had {stored.rows} quantities and has none now."
                )

    def _newer_run(self) -> int | None:
        """A run that was asked for later and has already written one of these slices."""
        own = self.run.replay_of_id or self.run.pk
        writers = [s.stored.last_run_id for s in self._slices.values() if s.stored is not None]
        age = Coalesce("replay_of_id", "pk")
        newest: int | None = (
            ImportRun.objects.filter(pk__in=writers)
            .annotate(age=age)
            .filter(age__gt=own)
            .aggregate(newest=Max("pk"))["newest"]
        )
        return newest

    def _compare(self, staged: _Staged, plan: Plan) -> None:
        """Rows alike in everything pair up; of those left over, the same identity is an update."""
        if not staged.is_changed:
            plan.unchanged += len(staged.rows)
            return
        if staged.stored is None:
            staged.new = staged.rows
            plan.inserted += len(staged.rows)
            return
        live: dict[RowKey, list[int]] = {}
        rows = Usage.objects.filter(slice=staged.stored, superseded_at__isnull=True)
        for pk, identity, quantity in rows.order_by("pk").values_list(
            "pk", "identity", "quantity_micro"
        ):
            live.setdefault((identity, quantity), []).append(pk)
        staged.new = []
        for record in staged.rows:
            same = live.get(_key(record))
            if same:
                same.pop()
                plan.unchanged += 1
            else:
                staged.new.append(record)
        left = [(key[0], pk) for key, pks in live.items() for pk in pks]
        staged.gone = [pk for _, pk in left]
        old = Counter(identity for identity, _ in left)
        new = Counter(record.identity for record in staged.new)
        updated = (old & new).total()
        plan.updated += updated
        plan.inserted += len(staged.new) - updated
        plan.superseded += len(staged.gone) - updated

    def apply(self, plan: Plan, *, at: datetime) -> None:
        """Supersede what is gone and add what is new; the past stays readable."""
        changed = {key: staged for key, staged in self._slices.items() if staged.is_changed}
        new = [record for staged in changed.values() for record in staged.new]
        slices: list[int] = []
        for key, staged in changed.items():
            slices += [self._save_slice(key, staged, at).pk] * len(staged.new)
            for start in range(0, len(staged.gone), _BATCH):
                Usage.objects.filter(pk__in=staged.gone[start : start + _BATCH]).update(
                    superseded_at=at
                )
        self._insert(new, slices, at)

    def _insert(self, new: Sequence[UsageRecord], slices: Sequence[int], at: datetime) -> None:
        """Write rows, each with the slice that it is in."""
        if not new:
            return
        dimensions = _dimension_ids(new)
        files = dict(self.run.files.values_list("index", "pk"))

        def chunk(start: int) -> list[Sequence[Any]]:
            end = start + _INSERTED_AT_ONCE
            columns: Any = UsageRecord._make(zip(*new[start:end], strict=True))
            count = len(columns.line)
            return [
                slices[start:end],
                [dimensions[each.digest.int] for each in columns.dimension],
                [self.run.pk] * count,
                list(map(files.__getitem__, columns.file_index)),
                columns.line,
                columns.identity,
                list(map(self._places.days.__getitem__, columns.period_start)),
                columns.period_start,
                columns.period_end,
                columns.quantity_micro,
                [at] * count,
            ]

        Appender("billing_usage", _COLUMNS).add(map(chunk, range(0, len(new), _INSERTED_AT_ONCE)))

    def _save_slice(self, key: SliceKey, staged: _Staged, at: datetime) -> UsageSlice:
        dataset, day = key
        stored, _ = UsageSlice.objects.update_or_create(
            connection_id=self.run.connection_id,
            dataset=dataset,
            day=day,
            defaults={
                "rows": len(staged.rows),
                "digest": staged.digest,
                "last_run": self.run,
                "changed_at": at,
            },
        )
        return stored


_DIMENSION_COLUMNS = {
    name: "uuid" if name == "digest" else "text" for name in UsageDimension._fields
}
_NAMES = ", ".join(_DIMENSION_COLUMNS)
# In one order everywhere: two imports that bring the same new dimensions would else deadlock.
_INSERT_DIMENSIONS = f"""
INSERT INTO billing_usagedimension ({_NAMES})
SELECT {_NAMES} FROM stage_usage_dimension t
WHERE NOT EXISTS (SELECT 1 FROM billing_usagedimension d WHERE d.digest = t.digest)
ORDER BY digest
ON CONFLICT (digest) DO NOTHING
"""  # noqa: S608  (names of our own)
_FIND_DIMENSIONS = """
SELECT t.place, d.id FROM stage_usage_dimension t
JOIN billing_usagedimension d ON d.digest = t.digest
"""


def _dimension_ids(taken: Iterable[UsageRecord]) -> dict[int, int]:
    """Row ids of dimensions by digest, as a number; the missing ones are made."""
    # A UUID is hashed in Python, and this asks for one twice a row.
    wanted = {record.dimension.digest.int: record.dimension for record in taken}
    digests = list(wanted)
    table = StagingTable(
        "stage_usage_dimension",
        {"place": "bigint", **_DIMENSION_COLUMNS},
        primary_key=["digest"],
    )
    table.create()
    table.load((place, *wanted[digest]) for place, digest in enumerate(digests))
    table.analyze()
    with connection.cursor() as cursor:
        cursor.execute(_INSERT_DIMENSIONS)
        cursor.execute(_FIND_DIMENSIONS)
        found = {digests[place]: pk for place, pk in cursor.fetchall()}
    table.drop()
    return found


def is_usage(record: object) -> bool:
    """Whether a record of a source is a quantity and not a cost line."""
    return isinstance(record, records.UsageRecord)
