"""What an import run has read, until it is known which of it is new; then it goes into place.

Lines wait in a file beside the database, because of most runs nearly all are there already. Those
of slices that are stored are sent to a temporary table, to be compared; those of slices that are
not (the whole of a first import, every new day) go straight to where they stay.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import connection

from billing.services import charge_sql as sql
from billing.services.line_rows import Target, line_rows
from billing.services.slice_spool import SliceSpool
from billing.services.staged_slices import Columns, Places
from billing.sources.charge_columns import ChargeColumns
from billing.sources.records import Dimension
from portal.imports.staging import StagingTable, database_time
from portal.models import ImportRun


class ChargeStaging:
    """The lines and dimensions of one run. Open it, close it."""

    def __init__(self, run: ImportRun) -> None:
        self._run = run
        self._table = StagingTable("stage_charge", sql.STAGE_COLUMNS, counted_by="seq")
        self._dimensions = StagingTable(
            "stage_dimension",
            {"place": "bigint", **sql.DIMENSION_COLUMNS},
            primary_key=["digest"],
        )
        self._dimension_ids = StagingTable(
            "dimension_place", {"place": "bigint", "dimension_id": "bigint"}, primary_key=["place"]
        )
        self._slice_ids = StagingTable(
            "slice_place", {"number": "integer", "slice_id": "bigint"}, primary_key=["number"]
        )
        self._rows = line_rows()
        self._spool: SliceSpool  # made when it is opened: not every store that is made is used
        self._places: dict[UUID, int] = {}
        self._files: dict[int, int] = {}
        self._brought: set[int] = set()

    def _tables(self) -> tuple[StagingTable, ...]:
        return self._table, self._dimensions, self._dimension_ids, self._slice_ids

    def open(self) -> None:
        self._spool = SliceSpool(Path(settings.LANDING_DIR))
        for table in self._tables():
            table.create()
        self._files = dict(self._run.files.values_list("index", "pk"))

    def close(self) -> None:
        self._spool.close()
        for table in self._tables():
            table.drop()

    # --- while it is read ---------------------------------------------------------------------

    def add(self, numbers: Sequence[int], columns: Columns, places: Places) -> None:
        """Keep lines, each of the slice with its number."""
        lines = (
            list(map(self._files.__getitem__, columns.file_index)),
            columns.line,
            columns.identity,
            columns.content,
            list(map(places.days.__getitem__, columns.charge_period_start)),
            columns.charge_period_start,
            columns.charge_period_end,
            columns.currency,
            columns.billed_nano,
            columns.effective_nano,
            columns.list_nano,
            columns.contracted_nano,
            columns.pricing_quantity,
            columns.consumed_quantity,
        )
        self._spool.add(numbers, self._places_of(columns.dimension), self._rows.of_lines(lines))

    def add_columns(self, columns: ChargeColumns, numbers: Sequence[int], places: Places) -> None:
        """Keep lines that came by column."""
        dimensions = self._places_of(columns.dimensions)
        self._spool.add(
            numbers,
            list(map(dimensions.__getitem__, columns.dimension_of.tolist())),
            self._rows.of_columns(columns, file_id=self._files[columns.file_index], places=places),
        )

    def _places_of(self, dimensions: Sequence[Dimension]) -> list[int]:
        """The place of each; new ones are put into the database."""
        known = self._places
        places: list[int] = []
        new: list[tuple[Any, ...]] = []
        for each in dimensions:
            place = known.get(each.digest)
            if place is None:
                place = known[each.digest] = len(known)
                new.append((place, *each))
            places.append(place)
        if new:
            self._dimensions.load(new)
        return places

    # --- when it is compared ------------------------------------------------------------------

    def bring(self, numbers: Collection[int]) -> None:
        """Have the lines of these slices in `stage_charge`, if they are not there yet."""
        missing = sorted(set(numbers) - self._brought)
        if not missing:
            return
        self._brought.update(missing)
        target = Target(
            self._table.name,
            self._table.columns,
            heads={number: (number,) for number in missing},
            dimensions=range(len(self._places)),
        )
        self._rows.write(self._spool.pieces(missing), target)
        self._table.analyze()

    # --- when it goes into place --------------------------------------------------------------

    def insert(
        self,
        slice_ids: Mapping[int, int],
        *,
        fresh: Collection[int],
        cost_basis: str,
        at: datetime,
    ) -> None:
        """Write all lines of some slices, and of the others those that `new_row` names.

        Args:
            slice_ids: of each changed slice, by its number.
            fresh: the numbers of those that were not stored before.
            at: when they are recorded.
        """
        self._slice_ids.load(slice_ids.items())
        self._slice_ids.analyze()
        with connection.cursor() as cursor:
            cursor.execute(sql.INSERT_DIMENSIONS)
            cursor.execute(sql.PLACE_DIMENSIONS)
            self._dimension_ids.analyze()
            cursor.execute(sql.INSERT_NEW, [database_time(at), self._run.pk, cost_basis])
            cursor.execute("SELECT place, dimension_id FROM dimension_place")
            ids = dict(cursor.fetchall())
        dimensions = [ids[place] for place in range(len(self._places))]
        heads = {number: (at, self._run.pk, cost_basis, slice_ids[number]) for number in fresh}
        if heads:
            target = Target("billing_charge", sql.CHARGE_COLUMNS, heads, dimensions)
            self._rows.write(self._spool.pieces(heads), target)
