"""Storing cost lines: stage everything, change only slices whose digest moved, all in sets."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from functools import reduce
from itertools import compress

from django.db import connection
from django.db.models import Max
from django.db.models.functions import Coalesce

from billing.models import ChargeSlice
from billing.services import charge_sql as sql
from billing.services.allocations import allocate_targets, written_by
from billing.services.charge_holds import hold_reasons
from billing.services.charge_staging import ChargeStaging
from billing.services.close_corrections import correct_after_import
from billing.services.day_sums import refuse_days_too_large
from billing.services.export_exclusion import refuse_second_export
from billing.services.fact_lock import hold_what_facts_point_at
from billing.services.restatements import record_restatements
from billing.services.rollups import refresh_daily_costs
from billing.services.split_bases import note_stale_bases
from billing.services.staged_slices import (
    DIGEST_MODULUS,
    Columns,
    Places,
    SliceKey,
    StagedSlice,
    add_up,
)
from billing.services.suspicion_notes import notes_on_suspicions
from billing.sources.charge_columns import ChargeColumns
from billing.sources.records import ChargeRecord
from portal.imports.collector import collector_paused
from portal.imports.registry import Plan, Totals, Window
from portal.imports.staging import (
    StagingTable,
    analyze_if_doubled,
    database_time,
    make_room,
)
from portal.models import ImportRun
from portal.rows import update_rows
from portal.shell.money import EXACT, from_nano


class ChargeStore:
    """The store of one cost import run. See `portal.imports.registry.Store`."""

    def __init__(self, run: ImportRun) -> None:
        self.run = run
        self.window = Window(run.window_start, run.window_end)
        self.slices: dict[SliceKey, StagedSlice] = {}
        self._places = Places(self.slices)
        self._totals: dict[tuple[str, str], Decimal] = {}
        self._stored: dict[tuple[str, str], int] = {}
        self._staging = ChargeStaging(run)
        self._changed = StagingTable(
            "changed_slice", {"number": "integer", "slice_id": "bigint"}, primary_key=["number"]
        )
        self._new_rows = StagingTable("new_row", {"seq": "bigint"}, primary_key=["seq"])
        self._old_rows = StagingTable("old_row", {"charge_id": "bigint"}, primary_key=["charge_id"])

    def _tables(self) -> tuple[StagingTable, ...]:
        return self._changed, self._new_rows, self._old_rows

    def open(self) -> None:
        self._staging.open()
        for table in self._tables():
            table.create()

    def close(self) -> None:
        self._staging.close()
        for table in self._tables():
            table.drop()

    # --- staging ------------------------------------------------------------------------------

    def stage(self, records: Sequence[ChargeRecord]) -> int:
        taken = self._of_window(records)
        if isinstance(taken, ChargeColumns):
            with collector_paused():
                self._stage_columns(taken)
        elif taken:
            with collector_paused():
                self._stage(taken)
        return len(taken)

    def _stage(self, taken: Sequence[ChargeRecord]) -> None:
        columns: Columns = ChargeRecord._make(zip(*taken, strict=True))
        parts = self._places.parts_of(columns)
        add_up(parts, columns)
        self._count(columns)
        self._staging.add([part.number for part in parts], columns, self._places)

    def _stage_columns(self, columns: ChargeColumns) -> None:
        # Only large files come by column, and numpy takes a while to load.
        from billing.services import column_staging

        numbers = column_staging.add_up(columns, self._places)
        for measure, exact, nano in column_staging.sums_of(columns):
            self._count_sum((columns.currency, measure), exact, nano)
        self._staging.add_columns(columns, numbers.tolist(), self._places)

    def _of_window(self, records: Sequence[ChargeRecord]) -> Sequence[ChargeRecord]:
        if self.window.start is None and self.window.end is None:
            return records
        day_of, contains = self._places.days, self.window.contains
        return [each for each in records if contains(day_of[each.charge_period_start])]

    def _count(self, columns: Columns) -> None:
        """Exact sums, and those of what is stored, by currency and measure."""
        for currency in set(columns.currency):
            for measure, exact, nano in (
                ("billed", columns.billed_exact, columns.billed_nano),
                ("effective", columns.effective_exact, columns.effective_nano),
            ):
                is_ours = list(map(currency.__eq__, columns.currency))
                known = [value for value in compress(exact, is_ours) if value is not None]
                if not known:
                    continue
                nanos = sum(value for value in compress(nano, is_ours) if value is not None)
                self._count_sum((currency, measure), reduce(EXACT.add, known, Decimal(0)), nanos)

    def _count_sum(self, key: tuple[str, str], exact: Decimal, nano: int) -> None:
        self._totals[key] = EXACT.add(self._totals.get(key, Decimal(0)), exact)
        self._stored[key] = self._stored.get(key, 0) + nano

    # --- planning -----------------------------------------------------------------------------

    def plan(self) -> Plan:
        """Compare with what is stored; fills `new_row` and `old_row`. Needs the lock.

        Raises:
            ImportRefusedError: an export of the same account came through another connection, or a
                day comes to more than can be kept.
        """
        make_room()
        hold_what_facts_point_at()
        refuse_second_export(self.run.connection, self.slices)
        plan = Plan(totals_in=self._source_totals(), totals_stored=self._stored_totals())
        emptied = self._match_stored_slices()
        refuse_days_too_large(self.run.connection_id, self.slices)
        changed = [part for part in self.slices.values() if part.is_changed]
        plan.unchanged = sum(part.rows for part in self.slices.values() if not part.is_changed)
        plan.overtaken_by = self._overtaken_by(changed)
        if plan.overtaken_by is not None or not changed:
            if plan.overtaken_by is not None:
                self._count_as_overtaken(plan)
            return plan
        self._stage_changed(changed)
        self._compare(changed)
        for part in changed:
            plan.inserted += part.inserted
            plan.updated += part.updated
            plan.superseded += part.superseded
            plan.unchanged += part.rows - part.inserted - part.updated
        plan.facts["slices"] = len(self.slices)
        plan.facts["slices_changed"] = len(changed)
        plan.hold_reasons = hold_reasons(
            connection_id=self.run.connection_id,
            config=self.run.connection.config,
            slices=self.slices,
            emptied=emptied,
            bring=self._staging.bring,
        )
        return plan

    def _source_totals(self) -> Totals:
        totals: Totals = {}
        for (currency, measure), value in self._totals.items():
            totals.setdefault(currency, {})[measure] = value
        return totals

    def _stored_totals(self) -> Totals:
        totals: Totals = {}
        for (currency, measure), nano in self._stored.items():
            totals.setdefault(currency, {})[measure] = from_nano(nano)
        return totals

    def _match_stored_slices(self) -> list[ChargeSlice]:
        """Find what is stored under each key; slices of a declared window that came back empty
        are added, so that they are compared (and held) like any other."""
        stored = {
            (part.billing_account_id, part.billing_period_start, part.day): part
            for part in self._stored_slices()
        }
        emptied: list[ChargeSlice] = []
        for key, part in self.slices.items():
            part.stored = stored.get(key)
        for key, known in stored.items():
            if known.rows and key not in self.slices and self.covers(known):
                self.slices[key] = StagedSlice(len(self.slices), known.currency, stored=known)
                emptied.append(known)
        return emptied

    def _stored_slices(self) -> Iterable[ChargeSlice]:
        """Those of the days from the first to the last that the input speaks of."""
        days = {day for _, _, day in self.slices}
        if self.window.start is not None and self.window.end is not None:
            days |= {self.window.start, self.window.end}
        if not days:
            return ()
        return ChargeSlice.objects.filter(
            connection_id=self.run.connection_id, day__range=(min(days), max(days))
        )

    def covers(self, known: ChargeSlice) -> bool:
        """Whether the input claims to say everything about a stored slice's day."""
        window = self.window
        is_declared = window.start is not None and window.end is not None
        return is_declared and window.contains(known.day)

    def _overtaken_by(self, changed: Sequence[StagedSlice]) -> int | None:
        """The newest run that wrote one of these slices from newer input. A replay reads old
        input again, so it is as old as the run that it replays."""
        age = self.run.replay_of_id or self.run.pk
        writers = {
            part.stored.last_run_id
            for part in changed
            if part.stored is not None and part.stored.last_run_id > age
        }
        newer = ImportRun.objects.alias(age=Coalesce("replay_of_id", "pk")).filter(
            pk__in=writers, age__gt=age
        )
        return newer.aggregate(newest=Max("pk"))["newest"]  # type: ignore[no-any-return]

    def _count_as_overtaken(self, plan: Plan) -> None:
        plan.unchanged = sum(part.rows for part in self.slices.values())

    def _stage_changed(self, changed: Sequence[StagedSlice]) -> None:
        self._staging.bring([part.number for part in changed if part.stored is not None])
        self._changed.load(
            (part.number, part.stored.pk if part.stored else None) for part in changed
        )
        self._changed.analyze()

    def _compare(self, changed: Sequence[StagedSlice]) -> None:
        for part in changed:
            part.inserted = part.rows
        by_number = {part.number: part for part in changed if part.stored is not None}
        if not by_number:
            return
        with connection.cursor() as cursor:
            cursor.execute(sql.FIND_NEW)
            cursor.execute(sql.FIND_OLD)
            self._new_rows.analyze()
            self._old_rows.analyze()
            cursor.execute(sql.COUNT_DIFFERENCES)
            for number, new, old, paired in cursor.fetchall():
                part = by_number[number]
                part.updated = int(paired)
                part.inserted = int(new) - part.updated
                part.superseded = int(old) - part.updated

    # --- applying -----------------------------------------------------------------------------

    def apply(self, plan: Plan, *, at: datetime) -> None:
        """Write the difference, the restatements, the allocations and the roll-up."""
        changed = {key: part for key, part in self.slices.items() if part.is_changed}
        if not changed:
            return
        before = {key: part.stored for key, part in changed.items() if part.stored is not None}
        record_restatements(run=self.run, slices=[changed[key] for key in before], at=at)
        slice_ids = self._save_slices(changed, at)
        with connection.cursor() as cursor:
            cursor.execute(sql.SUPERSEDE, [database_time(at)])
            self._staging.insert(
                slice_ids,
                fresh=[part.number for part in changed.values() if part.stored is None],
                cost_basis=self.run.connection.config.get("cost_basis", "invoiced"),
                at=at,
            )
            analyze_if_doubled(
                ("billing_charge", "billing_chargedimension", "billing_chargeslice"),
                rows=plan.inserted + plan.updated,
            )
        allocate_targets(written_by(self.run.pk), connection_id=self.run.connection_id, at=at)
        refresh_daily_costs(connection_id=self.run.connection_id, days={key[2] for key in changed})
        correct_after_import(run=self.run, slices=slice_ids.values(), at=at)
        note_stale_bases(at=at)
        plan.notes += notes_on_suspicions(self.run.connection_id, {key[2] for key in changed})

    def _save_slices(self, changed: dict[SliceKey, StagedSlice], at: datetime) -> dict[int, int]:
        """Write the slices' new sums; returns their ids by number."""
        fresh: list[ChargeSlice] = []
        known: list[ChargeSlice] = []
        rows: list[tuple[int, ChargeSlice]] = []
        for (account, period, day), part in changed.items():
            row = part.stored or ChargeSlice(
                connection_id=self.run.connection_id,
                billing_account_id=account,
                billing_period_start=period,
                day=day,
            )
            row.currency, row.rows = part.currency, part.rows
            row.digest = part.digest % DIGEST_MODULUS
            row.billed_nano, row.effective_nano = part.billed, part.effective
            row.last_run, row.changed_at = self.run, at
            (known if part.stored else fresh).append(row)
            rows.append((part.number, row))
        ChargeSlice.objects.bulk_create(fresh, batch_size=500)
        update_rows(
            known,
            [
                *("currency", "rows", "digest", "billed_nano", "effective_nano"),
                *("last_run", "changed_at"),
            ],
        )
        return {number: row.pk for number, row in rows}
