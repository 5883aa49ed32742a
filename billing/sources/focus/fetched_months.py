"""Reading the objects of one month of a bucket: rows of that month, each cost once.

Two dangers lie in objects that nobody has put together by hand: a row of another month, whose day
would be replaced by a part of it, and objects that say the same cost again.
"""

from __future__ import annotations

import heapq
import json
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, date, datetime
from typing import Any

from billing.sources.charge_columns import ChargeColumns
from billing.sources.focus.deliveries import Delivered, Delivery
from billing.sources.focus.dimensions import CORRECTION
from billing.sources.records import ChargeRecord, Dimension, ExportPart
from portal.imports.contracts import (
    NOTHING_THERE,
    Batch,
    ImportRefusedError,
    LandedFile,
    Note,
)

SAMPLE = 256  # of the lines of a file, by which files are compared
_KEPT = 16 * SAMPLE
_GATEWAY = '"BillingAccountType":"API Key"'


class FetchedMonth:
    """What holds over all files of one delivery, which are read newest first."""

    def __init__(self, delivery: Delivery, files: Sequence[LandedFile]) -> None:
        self._delivery = delivery
        self._objects = dict(zip((file.index for file in files), delivery.objects, strict=True))
        self._samples: dict[int, _Sample] = {}
        self._sums = _DailySums(len(files))
        self._left: dict[str, int] = {}
        self._rows = 0
        self.empty_files = 0

    def announced(self) -> Batch:
        """Which billing period is replaced, and which objects were passed over."""
        delivery = self._delivery
        notes = []
        if delivery.ignored_count:
            said = ", ".join(delivery.ignored)
            more = ", …" if delivery.ignored_count > len(delivery.ignored) else ""
            notes.append(
                Note("ignored_objects", f"objects that are no CSV or Parquet files: {said}{more}")
            )
        parts = () if delivery.month is None else (ExportPart(delivery.month, "", "", "focus"),)
        return Batch(parts, notes=tuple(notes))

    def taken(self, file: LandedFile, batch: Batch) -> Batch:
        """What of a batch of this file counts.

        Raises:
            ImportRefusedError: a row is of a month that its object should not speak of, or of a
                gateway whose rows cannot be told apart.
        """
        found = self._objects[file.index]
        records = batch.records
        if not isinstance(records, ChargeColumns) or not self._is_plain(records):
            ours = [row for row in records if self._is_ours(row, file, found)]
            records = [row for row in ours if not self._sums.is_superseded(row, file, found.key)]
        self._rows += len(records)
        if records and len(self._objects) > 1:
            self._samples.setdefault(file.index, _Sample()).add(records)
        return Batch(records, batch.rejections, batch.notes)

    def file_ends(self, file: LandedFile, *, rows: int) -> None:
        """Compare a file that has been read with those before it.

        Raises:
            ImportRefusedError: most of its lines are lines of another one too.
        """
        self.empty_files += not rows
        self._sums.file_ends()
        sample = self._samples.get(file.index)
        if sample is None:
            return
        sample.close()
        for index, other in self._samples.items():
            if index != file.index and sample.repeats(other):
                raise ImportRefusedError(
                    "repeated_objects",
                    "most lines of this object stand in another one too, so adding them would "
                    "count them twice",
                    file=self._objects[file.index].key,
                    value=self._objects[index].key,
                    expected="objects that together are one month: an export that overwrites, or "
                    "runs in folders that begin with their time",
                )

    def notes(self) -> tuple[Note, ...]:
        """What is to be said at the end."""
        notes = []
        if self.empty_files:
            notes.append(Note("empty_objects", f"objects with a header alone: {self.empty_files}"))
        if self.empty_files == len(self._objects):
            notes.append(Note(NOTHING_THERE, "The objects of this month have no rows."))
        notes += [
            Note("other_month", f"rows of {month} are left to that month: {count}")
            for month, count in sorted(self._left.items())
        ]
        if self._sums.superseded:
            notes.append(
                Note(
                    "newer_sums",
                    f"sums of a day that a later object says anew, left out: "
                    f"{self._sums.superseded}",
                )
            )
        return tuple(notes)

    # --- whose a row is -------------------------------------------------------------------------

    def _is_plain(self, columns: ChargeColumns) -> bool:
        """Whether all rows count and none is of a gateway."""
        month = self._delivery.month
        months = {_month(start) for _, _, start, _ in columns.periods}
        return months <= {month or _month(columns.periods[0][2])} and not any(
            map(_is_of_gateway, columns.dimensions)
        )

    def _is_ours(self, row: ChargeRecord, file: LandedFile, found: Delivered) -> bool:
        month = _month(row.billing_period_start)
        ours = self._delivery.month
        if ours is None or month == ours:
            return True
        is_late = (
            found.day is not None
            and found.day.day <= self._delivery.late_days
            and month == _month_before(found.month)
        )
        # What an object of the next month says of its own month is that month's affair.
        if found.month != ours or is_late:
            said = f"{month:%Y-%m}"
            self._left[said] = self._left.get(said, 0) + 1
            return False
        raise ImportRefusedError(
            "other_billing_period",
            f"{found.key} has a row of another billing period, which would replace a part of it",
            file=file.name,
            line=row.line,
            column="BillingPeriodStart",
            value=f"{month:%Y-%m}",
            expected=f"{ours:%Y-%m}"
            + ("" if found.day is None else ", or the month before within the days for late rows"),
        )


def _month(at: datetime) -> date:
    return at.astimezone(UTC).date().replace(day=1)


def _month_before(month: date | None) -> date | None:
    if month is None:
        return None
    return month.replace(year=month.year - (month.month == 1), month=(month.month - 2) % 12 + 1)


# --- sums that a gateway says again ---------------------------------------------------------------


class _DailySums:
    """Rows of a gateway's export are sums of a day so far: each object has those that changed
    since the last one, whole. The newest says what the day has come to."""

    def __init__(self, files: int) -> None:
        self._has_several = files > 1
        self._newer: set[tuple[Any, ...]] = set()
        self._here: set[tuple[Any, ...]] = set()
        self.superseded = 0

    def is_superseded(self, row: ChargeRecord, file: LandedFile, key: str) -> bool:
        """Whether a newer object says this sum.

        Raises:
            ImportRefusedError: two rows of one object cannot be told apart, so it is not known
                which of them a newer one would replace.
        """
        if not self._has_several or not _is_of_gateway(row.dimension):
            return False
        name = _sum_name(row)
        if name in self._newer:
            self.superseded += 1
            return True
        if name in self._here:
            raise ImportRefusedError(
                "sums_not_told_apart",
                f"{key} has two rows of one key, user, model and day: which of them a later object "
                "replaces cannot be seen",
                file=file.name,
                line=row.line,
                expected="one row for each; else fetch this gateway with the source litellm",
            )
        self._here.add(name)
        return False

    def file_ends(self) -> None:
        """The next file is older."""
        self._newer |= self._here
        self._here = set()


def _is_of_gateway(dimension: Dimension) -> bool:
    return _GATEWAY in dimension.extra


def _sum_name(row: ChargeRecord) -> tuple[Any, ...]:
    """What names a sum of a gateway; aliases and addresses beside it may be changed meanwhile."""
    names = row.dimension
    tags = json.loads(names.tags) if names.tags else {}
    return (
        names.billing_account_id,
        str(tags.get("user_id", "")),
        names.provider,
        names.resource_id,
        names.service_name,
        names.sku_meter,
        names.charge_category,
        row.charge_period_start,
        row.charge_period_end,
    )


# --- lines that come again --------------------------------------------------------------------


class _Sample:
    """The smallest digests of a file's lines: the same lines give the same sample, whatever else a
    file has, and two samples show how many lines two files share."""

    def __init__(self) -> None:
        self._digests: set[int] = set()

    def add(self, records: Sequence[ChargeRecord]) -> None:
        """Take lines; corrections repeat what they correct, and gateways are seen to apart."""
        if isinstance(records, ChargeColumns):
            self._digests.update(_smallest_of_columns(records))
        else:
            self._digests.update(_digests_of(records))
        if len(self._digests) > _KEPT:
            self.close()

    def close(self) -> None:
        """Forget all but the smallest."""
        self._digests = set(heapq.nsmallest(SAMPLE, self._digests))

    def repeats(self, other: _Sample) -> bool:
        """Whether more than half of the lines of the smaller file seem to be in the larger."""
        if not self._digests or not other._digests:
            return False
        # Beyond the largest of a full sample nothing is known of its file.
        full = [max(each._digests) for each in (self, other) if len(each._digests) >= SAMPLE]
        bound = min(full, default=max(self._digests | other._digests))
        mine = {each for each in self._digests if each <= bound}
        theirs = {each for each in other._digests if each <= bound}
        return 2 * len(mine & theirs) > max(1, min(len(mine), len(theirs)))


def _digests_of(records: Iterable[ChargeRecord]) -> Iterator[int]:
    for row in records:
        if row.dimension.charge_class != CORRECTION and not _is_of_gateway(row.dimension):
            yield row.identity.int >> 64


def _smallest_of_columns(columns: ChargeColumns) -> list[int]:
    # Only large files come by column, and numpy takes a while to load.
    import numpy as np

    digests = np.frombuffer(columns.identities, dtype=">u8")[::2]
    corrected = [
        number for number, each in enumerate(columns.dimensions) if each.charge_class == CORRECTION
    ]
    if corrected:
        digests = digests[~np.isin(columns.dimension_of, corrected)]
    if len(digests) > SAMPLE:
        digests = np.partition(digests, SAMPLE)[:SAMPLE]
    found: list[int] = digests.tolist()
    return found
