"""Storing quantities: a slice is a report's day, and only slices that differ are written.

Reports of usage are aggregates, thousands of rows a day and not millions, so rows of a changed
slice are compared here and not in SQL.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from hashlib import blake2b
from typing import Any
from uuid import UUID

from django.db.models import Max
from django.db.models.functions import Coalesce

from billing.models import Usage, UsageDimension, UsageSlice
from billing.services.fact_lock import hold_what_facts_point_at
from billing.sources import records
from billing.sources.records import SNAPSHOT, UsageRecord
from portal.imports.registry import Plan, Window
from portal.imports.staging import Appender
from portal.models import ImportRun

SliceKey = tuple[str, date]  # report, day
RowKey = tuple[UUID, int]  # identity, quantity
_MODULUS = 2**63
_BATCH = 2_000
_INSERTED_AT_ONCE = 20_000  # rows: they are packed by column, and then sent
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
    """One slice of this run, beside what is stored under the same key."""

    rows: list[UsageRecord] = field(default_factory=list)
    digest: int = 0
    stored: UsageSlice | None = None
    gone: list[int] = field(default_factory=list)  # live rows that are no longer there
    new: list[UsageRecord] = field(default_factory=list)

    @property
    def is_changed(self) -> bool:
        stored = self.stored
        return stored is None or (stored.rows, stored.digest) != (len(self.rows), self.digest)


def _key(record: UsageRecord) -> RowKey:
    return record.identity, record.quantity_micro


def _row_digest(key: RowKey) -> int:
    text = key[0].bytes + str(key[1]).encode()
    return int.from_bytes(blake2b(text, digest_size=8).digest(), "big") >> 1


class UsageStore:
    """The store of the quantities of one run. See `portal.imports.registry.Store`."""

    def __init__(self, run: ImportRun) -> None:
        self.run = run
        self.window = Window(run.window_start, run.window_end)
        self._slices: dict[SliceKey, _Staged] = {}

    def open(self) -> None:
        self._slices.clear()

    def close(self) -> None:
        self._slices.clear()

    def stage(self, taken: Sequence[UsageRecord]) -> int:
        """Keep the records whose day lies in the run's window; returns how many."""
        count = 0
        for record in taken:
            day = record.period_start.astimezone(UTC).date()
            if not self.window.contains(day):
                continue
            staged = self._slices.setdefault((record.dimension.dataset, day), _Staged())
            staged.rows.append(record)
            staged.digest = (staged.digest + _row_digest(_key(record))) % _MODULUS
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
        live: dict[RowKey, list[int]] = {}
        if staged.stored is not None:
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
        dimensions = _dimension_ids(new)
        slices: list[int] = []
        days: list[date] = []
        for key, staged in changed.items():
            slices += [self._save_slice(key, staged, at).pk] * len(staged.new)
            days += [key[1]] * len(staged.new)
            for start in range(0, len(staged.gone), _BATCH):
                Usage.objects.filter(pk__in=staged.gone[start : start + _BATCH]).update(
                    superseded_at=at
                )
        files = dict(self.run.files.values_list("index", "pk"))
        rows = Appender("billing_usage", _COLUMNS)
        for start in range(0, len(new), _INSERTED_AT_ONCE):
            end = start + _INSERTED_AT_ONCE
            columns: Any = UsageRecord._make(zip(*new[start:end], strict=True))
            count = len(columns.line)
            rows.add([
                slices[start:end],
                [dimensions[each.digest] for each in columns.dimension],
                [self.run.pk] * count,
                list(map(files.__getitem__, columns.file_index)),
                columns.line,
                columns.identity,
                days[start:end],
                columns.period_start,
                columns.period_end,
                columns.quantity_micro,
                [at] * count,
            ])  # fmt: skip

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


def _dimension_ids(taken: Iterable[UsageRecord]) -> dict[UUID, int]:
    """Row ids of dimensions by digest; the missing ones are made."""
    wanted = {record.dimension.digest: record.dimension for record in taken}
    UsageDimension.objects.bulk_create(
        (UsageDimension(**dimension._asdict()) for dimension in wanted.values()),
        batch_size=_BATCH,
        ignore_conflicts=True,
    )
    found: dict[UUID, int] = {}
    digests = list(wanted)
    for start in range(0, len(digests), 500):
        rows = UsageDimension.objects.filter(digest__in=digests[start : start + 500])
        found |= dict(rows.values_list("digest", "pk"))
    return found


def is_usage(record: object) -> bool:
    """Whether a record of a source is a quantity and not a cost line."""
    return isinstance(record, records.UsageRecord)
